package shell

import (
	"regexp"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

var (
	// word is what is being typed: a name, or the way to a field.
	word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*(?:[.:][A-Za-z0-9_]*)*$`)

	// topic is what help is wanted for.
	topic = regexp.MustCompile(`help\s*\(\s*(["'])([a-z0-9]*)$`)

	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// keywords are Lua's that are worth a key.
var keywords = []string{"break", "else", "elseif", "end", "false", "function", "local", "nil", "repeat", "return", "then", "true", "until", "while"}

// completer is the line editor's way to complete. It asks between two commands:
// nobody else uses the Lua state then.
type completer struct{ s *Shell }

// Do has the ends that the word before pos may have, and how much of it there is.
func (c completer) Do(line []rune, pos int) ([][]rune, int) {
	part, whole := c.s.complete(string(line[:pos]))
	var ends [][]rune
	for _, each := range whole {
		ends = append(ends, []rune(each[len(part):]))
	}
	return ends, len(part)
}

// complete is what the end of before may become: names of functions, variables
// and fields. No metamethod runs.
func (s *Shell) complete(before string) (part string, whole []string) {
	if m := topic.FindStringSubmatch(before); m != nil {
		for _, command := range s.commands() {
			whole = append(whole, command.name+m[1]+")")
		}
		return m[2], beginningWith(m[2], whole)
	}
	path := word.FindString(before)
	if path == "" {
		return "", nil
	}
	place, part := s.place(path)
	if place == nil {
		return part, nil
	}
	place.ForEach(func(key, value lua.LValue) {
		name, ok := key.(lua.LString)
		hidden := strings.HasPrefix(string(name), "_") && part == ""
		switch {
		case !ok, hidden, strings.HasPrefix(string(name), "__"), !identifier.MatchString(string(name)):
		case value.Type() == lua.LTFunction:
			whole = append(whole, string(name)+"(")
		default:
			whole = append(whole, string(name))
		}
	})
	if part == path {
		whole = append(whole, keywords...)
	}
	slices.Sort(whole)
	return part, beginningWith(part, whole)
}

// place is the table that the last part of a path is a name in.
func (s *Shell) place(path string) (table *lua.LTable, last string) {
	table = s.lua.G.Global
	for {
		at := strings.IndexAny(path, ".:")
		if at < 0 {
			return table, path
		}
		switch value := table.RawGetString(path[:at]).(type) {
		case *lua.LTable:
			table = value
		case lua.LString:
			table = s.lua.G.Global.RawGetString(lua.StringLibName).(*lua.LTable)
		default:
			return nil, path[strings.LastIndexAny(path, ".:")+1:]
		}
		path = path[at+1:]
	}
}

func beginningWith(part string, all []string) []string {
	return slices.DeleteFunc(all, func(name string) bool { return !strings.HasPrefix(name, part) })
}
