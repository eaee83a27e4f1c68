package shell

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/pm"
)

// repeat is string.rep.
func repeat(l *lua.LState) int {
	text, count := l.CheckString(1), l.CheckInt(2)
	if count <= 0 || text == "" {
		l.Push(lua.LString(""))
		return 1
	}
	checkLength(l, len(text), count)
	l.Push(lua.LString(strings.Repeat(text, count)))
	return 1
}

// checkLength refuses count strings of length bytes.
func checkLength(l *lua.LState, length, count int) {
	if length > MaxString/count {
		l.RaiseError("the string would be longer than %d MiB", MaxString>>20)
	}
}

// concat is table.concat, without the detour through the registers.
func concat(l *lua.LState) int {
	table, separator := l.CheckTable(1), l.OptString(2, "")
	from, to := l.OptInt(3, 1), l.OptInt(4, table.Len())
	var b strings.Builder
	for i := from; i <= to; i++ {
		value := table.RawGetInt(i)
		if !lua.LVCanConvToString(value) {
			l.RaiseError("invalid value (%s) at index %d in table for concat", value.Type(), i)
		}
		b.WriteString(value.String())
		if i < to {
			b.WriteString(separator)
		}
		checkLength(l, b.Len(), 1)
	}
	l.Push(lua.LString(b.String()))
	return 1
}

// checkSubject is before a pattern is looked for.
func checkSubject(l *lua.LState) {
	checkPattern(l, l.CheckString(1), l.CheckString(2))
	if end := len(l.CheckString(1)) + 1; l.OptInt(3, 1) > end {
		l.Replace(3, lua.LNumber(end)) // the library would look out of bounds
	}
}

func checkPattern(l *lua.LState, text, pattern string) {
	if len(text) > MaxSubject {
		l.RaiseError("patterns are looked for in up to %d KiB", MaxSubject>>10)
	}
	if len(pattern) > MaxPattern {
		l.RaiseError("the pattern is longer than %d KiB", MaxPattern>>10)
	}
}

// guardGmatch is guard for a function that comes with another.
func guardGmatch(l *lua.LState, module *lua.LTable) {
	gmatch := module.RawGetString("gmatch").(*lua.LFunction)
	inner := gmatch.GFunction
	gmatch.GFunction = func(l *lua.LState) int {
		checkSubject(l)
		return inner(l)
	}
}

// substitute is string.gsub, in time that does not grow with the square, and
// interruptible between two matches.
func substitute(l *lua.LState) int {
	l.CheckTypes(3, lua.LTString, lua.LTNumber, lua.LTTable, lua.LTFunction)
	text, pattern := l.CheckString(1), l.CheckString(2)
	limit := l.OptInt(4, len(text)+1)
	checkPattern(l, text, pattern)
	subject := []byte(text)
	var b strings.Builder
	at, count := 0, 0 // what is before has been written
	for from := 0; from <= len(text) && count < limit; count++ {
		if l.Context().Err() != nil {
			l.RaiseError("interrupted")
		}
		matches, err := pm.Find(pattern, subject, from, 1)
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		if len(matches) == 0 {
			break
		}
		start, end := matches[0].Capture(0), matches[0].Capture(1)
		b.WriteString(text[at:start])
		b.WriteString(replacement(l, text, matches[0]))
		checkLength(l, b.Len(), 1)
		at, from = end, max(end, start+1)
		if strings.HasPrefix(pattern, "^") {
			count++
			break
		}
	}
	b.WriteString(text[at:])
	l.Push(lua.LString(b.String()))
	l.Push(lua.LNumber(count))
	return 2
}

// replacement is what string.gsub has for one match.
func replacement(l *lua.LState, text string, match *pm.MatchData) string {
	whole := text[match.Capture(0):match.Capture(1)]
	var result lua.LValue
	switch by := l.Get(3).(type) {
	case *lua.LTable:
		result = l.GetTable(by, capture(l, text, match, 1))
	case *lua.LFunction:
		l.Push(by)
		count := max(match.CaptureLength()/2-1, 1)
		for i := range count {
			l.Push(capture(l, text, match, i+1))
		}
		l.Call(count, 1)
		result = l.Get(-1)
		l.Pop(1)
	default:
		return expand(l, by.String(), text, match)
	}
	switch {
	case lua.LVIsFalse(result):
		return whole
	case !lua.LVCanConvToString(result):
		l.RaiseError("invalid replacement value (a %s)", result.Type())
	}
	return result.String()
}

// expand puts the captures where %0 to %9 are.
func expand(l *lua.LState, pattern, text string, match *pm.MatchData) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c == '%' && i+1 < len(pattern) {
			i++
			if c = pattern[i]; c >= '0' && c <= '9' {
				b.WriteString(capture(l, text, match, int(c-'0')).String())
				checkLength(l, b.Len(), 1)
				continue
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// capture is the n-th: 0 is the match, and so is 1 where there are none.
func capture(l *lua.LState, text string, match *pm.MatchData, n int) lua.LValue {
	if n == 1 && match.CaptureLength() == 2 {
		n = 0
	}
	if 2*n >= match.CaptureLength() {
		l.RaiseError("invalid capture index")
	}
	if match.IsPosCapture(2 * n) {
		return lua.LNumber(match.Capture(2 * n))
	}
	return lua.LString(text[match.Capture(2*n):match.Capture(2*n+1)])
}
