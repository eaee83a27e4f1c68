package shell

import (
	lua "github.com/yuin/gopher-lua"
)

// A coroutine may be made in one command and resumed in another. The library
// gives it a context below that of the command it was made in, which has ended
// by then, and which would remember it for as long as it has not. Ours has none
// until it is resumed, and then its resumer's.

// guardCreate has coroutine.create make them without.
func guardCreate(l *lua.LState, module *lua.LTable) {
	inner := module.RawGetString("create").(*lua.LFunction).GFunction
	module.RawSetString("create", l.NewFunction(func(l *lua.LState) int { return withoutContext(l, inner) }))
}

// guardResume has coroutine.resume give them the resumer's.
func guardResume(l *lua.LState, module *lua.LTable) {
	guard(l, module, "resume", func(l *lua.LState) {
		resumed(l, l.CheckThread(1))
	})
}

// resumed gives thread what its resumer l has, unless they are too deep in each
// other: that takes the Go stack, and every one has a call stack of its own.
func resumed(l *lua.LState, thread *lua.LState) {
	depth := 0
	for at := l; at != nil; at = at.Parent {
		if depth++; depth > CoroutineDepth {
			l.RaiseError("coroutines are more than %d deep in each other", CoroutineDepth)
		}
	}
	thread.SetContext(l.Context())
}

// guardWrap is both, for coroutine.wrap.
func guardWrap(l *lua.LState, module *lua.LTable) {
	inner := module.RawGetString("wrap").(*lua.LFunction).GFunction
	module.RawSetString("wrap", l.NewFunction(func(l *lua.LState) int {
		withoutContext(l, inner)
		wrapped := l.Get(-1).(*lua.LFunction)
		thread, resume := wrapped.Upvalues[0].Value().(*lua.LState), wrapped.GFunction
		wrapped.GFunction = func(l *lua.LState) int {
			resumed(l, thread)
			return resume(l)
		}
		return 1
	}))
}

func withoutContext(l *lua.LState, make lua.LGFunction) int {
	l.CheckFunction(1)
	ctx := l.RemoveContext()
	if ctx != nil {
		defer l.SetContext(ctx)
	}
	return make(l)
}
