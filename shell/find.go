package shell

import (
	"fmt"
	"strings"

	"github.com/khashmir/kad/web/api"
	lua "github.com/yuin/gopher-lua"
)

// findValue finds all values under an ID, whoever stored them.
func (s *Shell) findValue(l *lua.LState) int {
	key, enough := id(l, 1), l.OptInt(2, 0)
	if enough < 0 {
		l.ArgError(2, "enough is a number of values")
	}
	found, err := s.node.Get(l.Context(), key, api.GetOptions{Enough: enough})
	if err != nil && (len(found.Values) == 0 || l.Context().Err() != nil) {
		fail(l, "find values", err)
	}
	values := searched(l, found.Lookup, err)
	for _, v := range found.Values {
		values.Append(lua.LString(v.Bytes))
	}
	from := l.NewTable()
	for _, holder := range found.Shown {
		c := contact(l, holder.Contact)
		c.RawSetString("values", lua.LNumber(holder.Values))
		from.Append(c)
	}
	values.RawSetString("key", lua.LString(key))
	values.RawSetString("from", from)
	return s.said(l, values, valueReport(found, err))
}

// searched is what is told of every search.
func searched(l *lua.LState, r api.Lookup, err error) *lua.LTable {
	t := table(l, map[string]lua.LValue{
		"questions": lua.LNumber(r.Questions), "answers": lua.LNumber(r.Answers),
		"hops": lua.LNumber(r.Hops), "ms": lua.LNumber(r.TookMs),
	})
	if err != nil {
		t.RawSetString("incomplete", lua.LString(err.Error()))
	}
	return t
}

func valueReport(found api.Found, err error) string {
	var b strings.Builder
	for i, v := range found.Values {
		if i == ShownValues {
			fmt.Fprintf(&b, "... and %d more\n", len(found.Values)-i)
			break
		}
		fmt.Fprintf(&b, "%3d  %s\n", i+1, quote(string(v.Bytes)))
	}
	fmt.Fprintf(&b, "%s from %s", counted(len(found.Values), "value"), counted(len(found.Shown), "node"))
	b.WriteString(effort(found.Lookup, err))
	if len(found.Shown) > 0 {
		fmt.Fprintf(&b, "    %s\n", holders(found.Shown))
	}
	return b.String()
}

// holders are the first of those that showed values, and how many each.
func holders(shown []api.Holder) string {
	var names []string
	for i, holder := range shown {
		if i == ShownHolders {
			names = append(names, fmt.Sprintf("%d more", len(shown)-i))
			break
		}
		names = append(names, fmt.Sprintf("%d from %s", holder.Values, where(holder.Contact)))
	}
	return strings.Join(names, ", ")
}

// effort is how a line about a search ends.
func effort(r api.Lookup, err error) string {
	text := fmt.Sprintf(", %d asked, %d answered, %s, %.1f ms\n", r.Questions, r.Answers, counted(r.Hops, "hop"), r.TookMs)
	if err != nil {
		text += fmt.Sprintf("not all: %s\n", escaped(err.Error()))
	}
	return text
}

// findNode finds the nodes closest to an ID.
func (s *Shell) findNode(l *lua.LState) int {
	target := id(l, 1)
	found, err := s.node.FindNode(l.Context(), target, nil)
	return s.said(l, closest(l, target, found, err), nodeReport(target, found, err))
}

// lookup is findNode with every step of it.
func (s *Shell) lookup(l *lua.LState) int {
	target := id(l, 1)
	t := &trace{target: target, out: s.out}
	found, err := s.node.FindNode(l.Context(), target, t.step)
	t.end()
	return s.said(l, closest(l, target, found, err), nodeReport(target, found, err))
}

func closest(l *lua.LState, target string, found api.Lookup, err error) *lua.LTable {
	if err != nil && (len(found.Closest) == 0 || l.Context().Err() != nil) {
		fail(l, "find nodes", err)
	}
	nodes := searched(l, found, err)
	for _, each := range found.Closest {
		c := contact(l, each)
		c.RawSetString("distance", lua.LString(distance(each.ID, target)))
		nodes.Append(c)
	}
	nodes.RawSetString("target", lua.LString(target))
	return nodes
}

func nodeReport(target string, found api.Lookup, err error) string {
	var b strings.Builder
	for _, c := range found.Closest {
		fmt.Fprintf(&b, "%s | %s @ %s\n", c.ID, distance(c.ID, target), c.Addr)
	}
	fmt.Fprintf(&b, "%s%s", counted(len(found.Closest), "closest node"), effort(found, err))
	return b.String()
}
