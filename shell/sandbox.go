package shell

import (
	lua "github.com/yuin/gopher-lua"
)

// A table that is an array fills it up to the index that is set: one t[67108863]
// would be a gigabyte. The library has this for all its states at once.
func init() { lua.MaxArrayIndex = MaxArray }

// forbidden is what the libraries have that reaches out of the sandbox, or
// prints where we do not see it. The libraries io, debug, package and channel
// are not opened at all.
var forbidden = map[string][]string{
	lua.BaseLibName:   {"dofile", "loadfile", "module", "require", "newproxy", "_printregs"},
	lua.OsLibName:     {"execute", "exit", "getenv", "remove", "rename", "setenv", "setlocale", "tmpname"},
	lua.StringLibName: {"dump"},
}

// sandbox is Lua with what is harmless in it, and our commands.
func (s *Shell) sandbox() *lua.LState {
	l := lua.NewState(lua.Options{
		SkipOpenLibs:        true,
		CallStackSize:       CallDepth,
		RegistrySize:        Registers,
		RegistryMaxSize:     MaxRegisters,
		RegistryGrowStep:    MoreRegisters,
		MinimizeStackMemory: true,
	})
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
		{lua.StringLibName, lua.OpenString},
		{lua.MathLibName, lua.OpenMath},
		{lua.CoroutineLibName, lua.OpenCoroutine},
		{lua.OsLibName, lua.OpenOs},
	} {
		l.Push(l.NewFunction(library.open))
		l.Push(lua.LString(library.name))
		l.Call(1, 0)
		module := libraryTable(l, library.name)
		for _, name := range forbidden[library.name] {
			module.RawSetString(name, lua.LNil)
		}
	}
	s.bound(l)
	s.define(l)
	return l
}

// libraryTable is where a library's functions are.
func libraryTable(l *lua.LState, name string) *lua.LTable {
	if name == lua.BaseLibName {
		return l.G.Global
	}
	return l.GetGlobal(name).(*lua.LTable)
}

// bound puts those that watch what they take in the place of those that do not.
func (s *Shell) bound(l *lua.LState) {
	for name, functions := range map[string]map[string]lua.LGFunction{
		lua.BaseLibName:   {"load": s.load, "loadstring": s.loadString, "collectgarbage": collectGarbage},
		lua.TabLibName:    {"concat": concat},
		lua.StringLibName: {"rep": repeat, "gsub": substitute, "format": format, concatenation: join},
	} {
		module := libraryTable(l, name)
		for function, f := range functions {
			module.RawSetString(function, l.NewFunction(f))
		}
	}
	text := libraryTable(l, lua.StringLibName)
	guard(l, text, "find", checkSubject)
	guard(l, text, "match", checkSubject)
	guardGmatch(l, text)
	guard(l, libraryTable(l, lua.OsLibName), "date", checkDate)
	threads := libraryTable(l, lua.CoroutineLibName)
	guardCreate(l, threads)
	guardResume(l, threads)
	guardWrap(l, threads)
}

// guard has check look at the arguments of module's function of that name first.
func guard(l *lua.LState, module *lua.LTable, name string, check func(*lua.LState)) {
	inner := module.RawGetString(name).(*lua.LFunction).GFunction
	module.RawSetString(name, l.NewFunction(func(l *lua.LState) int {
		check(l)
		return inner(l)
	}))
}

// checkDate is before a date is written: each letter of the format can be many.
func checkDate(l *lua.LState) {
	if len(l.OptString(1, "")) > MaxPattern {
		l.RaiseError("the format is longer than %d KiB", MaxPattern>>10)
	}
}

// load is Lua's, of pieces that are not too much together.
func (s *Shell) load(l *lua.LState) int {
	reader := l.CheckFunction(1)
	name := l.OptString(2, "=(load)")
	var source []byte
	for {
		l.Push(reader)
		l.Call(0, 1)
		piece := l.Get(-1)
		l.Pop(1)
		text, ok := piece.(lua.LString)
		switch {
		case piece == lua.LNil || ok && text == "":
			return s.loaded(l, name, string(source))
		case !ok:
			l.Push(lua.LNil)
			l.Push(lua.LString("reader function must return a string"))
			return 2
		case len(source)+len(text) > MaxSource:
			l.RaiseError("more than %d KiB of source", MaxSource>>10)
		}
		source = append(source, text...)
	}
}

func (s *Shell) loadString(l *lua.LState) int {
	source := l.CheckString(1)
	return s.loaded(l, l.OptString(2, source), source)
}

// loaded is the function that source is, or nil and why not. As in Lua, a name
// that begins with = or @ is shown as it is; another is the source itself.
func (s *Shell) loaded(l *lua.LState, name, source string) int {
	switch {
	case name != "" && (name[0] == '=' || name[0] == '@'):
		name = name[1:]
	default:
		name = `[string "` + shorten(firstLine(name)) + `"]`
	}
	chunk, err := s.compile(name, source)
	if err != nil {
		l.Push(lua.LNil)
		l.Push(lua.LString(oneLine(name, err)))
		return 2
	}
	l.Push(chunk)
	return 1
}
