package shell

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// format is string.format as Lua has it: the library's hands everything to Go's
// fmt, which has other verbs, other words for errors and no limit.
func format(l *lua.LState) int {
	pattern := l.CheckString(1)
	var b strings.Builder
	arg := 1
	for pattern != "" {
		plain, rest, found := strings.Cut(pattern, "%")
		b.WriteString(plain)
		switch {
		case !found:
			pattern = ""
		case strings.HasPrefix(rest, "%"):
			b.WriteByte('%')
			pattern = rest[1:]
		default:
			arg++
			var flags string
			flags, pattern = directive(l, rest)
			b.WriteString(formatted(l, arg, flags, pattern[0]))
			pattern = pattern[1:]
		}
		checkLength(l, b.Len(), 1)
	}
	l.Push(lua.LString(b.String()))
	return 1
}

// directive splits what follows a percent sign before its verb.
func directive(l *lua.LState, pattern string) (flags, rest string) {
	const digits = "0123456789"
	rest = strings.TrimLeft(pattern, "-+ #0")
	after := strings.TrimLeft(rest, digits)
	width, precision := len(rest)-len(after), 0
	if rest = after; strings.HasPrefix(rest, ".") {
		after = strings.TrimLeft(rest[1:], digits)
		precision, rest = len(rest)-1-len(after), after
	}
	flags = pattern[:len(pattern)-len(rest)]
	switch {
	case width > FormatDigits || precision > FormatDigits || len(flags) > len("-+ #099.99"):
		l.RaiseError("invalid format (width or precision too long)")
	case rest == "" || !strings.Contains("cdiouxXeEfgGqs", rest[:1]):
		l.RaiseError("invalid option to 'format'")
	}
	return flags, rest
}

// formatted is the n-th argument as verb wants it.
func formatted(l *lua.LState, n int, flags string, verb byte) string {
	switch verb {
	case 's':
		return fmt.Sprintf("%"+flags+"s", l.ToStringMeta(l.CheckAny(n)).String())
	case 'q':
		return literal(l.CheckString(n))
	case 'c':
		return fmt.Sprintf("%"+flags+"s", string([]byte{byte(int64(l.CheckNumber(n)))}))
	case 'd', 'i':
		return fmt.Sprintf("%"+flags+"d", int64(l.CheckNumber(n)))
	case 'u':
		return fmt.Sprintf("%"+flags+"d", uint64(int64(l.CheckNumber(n))))
	case 'o', 'x', 'X':
		return fmt.Sprintf("%"+flags+string(verb), uint64(int64(l.CheckNumber(n))))
	case 'g', 'G':
		if !strings.Contains(flags, ".") {
			flags += fmt.Sprintf(".%d", DefaultDigits)
		}
	}
	return fmt.Sprintf("%"+flags+string(verb), float64(l.CheckNumber(n)))
}

// literal is text as Lua's %q has it, for Lua to read again.
func literal(text string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", "\\\n", "\r", `\r`, "\x00", `\000`).Replace(text) + `"`
}
