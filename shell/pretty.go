package shell

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// escaped is text in one line that a terminal can be shown: what is no printable
// character is written as Lua would read it.
func escaped(text string) string { return escape(text, "") }

// escape leaves the characters of keep as they are.
func escape(text, keep string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case strings.ContainsRune(keep, r), r != utf8.RuneError && unicode.IsPrint(r):
			b.WriteString(text[i : i+size])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case size == len("\ufffd") && r == utf8.RuneError: // it was there
			b.WriteRune(r)
		default:
			for _, c := range []byte(text[i : i+size]) {
				fmt.Fprintf(&b, `\%03d`, c)
			}
		}
		i += size
	}
	return b.String()
}

// quote is text as Lua would read it, in one line; an ID that no one can read is
// written in hex. More than ShownBytes are not shown.
func quote(text string) string {
	if len(text) == IDLength && !readable(text) {
		return fmt.Sprintf(`fromhex("%x")`, text)
	}
	whole := text
	if len(text) > ShownBytes {
		end := ShownBytes
		for end > ShownBytes-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	quoted := `"` + escaped(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)) + `"`
	if len(text) < len(whole) {
		return fmt.Sprintf("%s... (%d bytes)", quoted, len(whole))
	}
	return quoted
}

func readable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// shorten is for names of chunks, which may be the chunks.
func shorten(text string) string {
	const longest = 40
	if len(text) > longest {
		return text[:longest] + "..."
	}
	return text
}

// printer shows values as Kademlua's pprint did, tables with their fields below
// each other, in an order that is always the same.
type printer struct {
	s      *Shell
	b      strings.Builder
	above  []*lua.LTable // those that we are in
	fields int
}

// show is value in as many lines as it takes, the first set in by level.
func (s *Shell) show(value lua.LValue, level int) string {
	p := &printer{s: s}
	p.value(value, level)
	return p.b.String()
}

func (p *printer) value(value lua.LValue, level int) {
	margin := strings.Repeat(" ", Indent*level)
	table, ok := value.(*lua.LTable)
	switch {
	case !ok:
		fmt.Fprintf(&p.b, "%s%s\n", margin, p.s.inLine(value))
	case slices.Contains(p.above, table):
		fmt.Fprintf(&p.b, "%s(itself)\n", margin)
	case len(p.above) >= ShownDepth:
		fmt.Fprintf(&p.b, "%s...\n", margin)
	default:
		p.table(table, level, margin)
	}
}

func (p *printer) table(table *lua.LTable, level int, margin string) {
	p.above = append(p.above, table)
	defer func() { p.above = p.above[:len(p.above)-1] }()
	keys := keysOf(table)
	if len(keys) == 0 {
		fmt.Fprintf(&p.b, "%s{}\n", margin)
	}
	for i, key := range keys {
		if p.fields++; p.fields > ShownFields {
			if p.fields == ShownFields+1 {
				fmt.Fprintf(&p.b, "%s... (%d more)\n", margin, len(keys)-i)
			}
			return
		}
		name := escaped(key.String())
		if value := table.RawGet(key); value.Type() != lua.LTTable {
			fmt.Fprintf(&p.b, "%s%s => %s\n", margin, name, p.s.inLine(value))
		} else {
			fmt.Fprintf(&p.b, "%s%s =>\n", margin, name)
			p.value(value, level+1)
		}
	}
}

// inLine is a value that is no table.
func (s *Shell) inLine(value lua.LValue) string {
	switch value := value.(type) {
	case lua.LString:
		return quote(string(value))
	case *lua.LFunction:
		if c := s.named[value]; c != nil {
			return "function " + c.usage
		}
		return "function"
	}
	return escaped(value.String())
}

// keysOf are a table's: numbers in their order, then the rest in that of their
// words.
func keysOf(table *lua.LTable) []lua.LValue {
	var keys []lua.LValue
	table.ForEach(func(key, _ lua.LValue) { keys = append(keys, key) })
	slices.SortStableFunc(keys, func(a, b lua.LValue) int {
		x, isNumber := a.(lua.LNumber)
		y, isToo := b.(lua.LNumber)
		switch {
		case isNumber && isToo && x < y, isNumber && !isToo:
			return -1
		case isNumber && isToo && x > y, isToo && !isNumber:
			return 1
		}
		return strings.Compare(a.String(), b.String())
	})
	return keys
}
