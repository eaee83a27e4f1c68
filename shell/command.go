package shell

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/khashmir/kad/web/api"
	lua "github.com/yuin/gopher-lua"
)

// command is one function of ours.
type command struct {
	name     string
	usage    string
	says     string // in one line
	explains string
	example  string
	run      lua.LGFunction
}

// commands are ours, as help lists them.
func (s *Shell) commands() []*command {
	return []*command{
		{"add", "add(id, value [, options])", "store a value, beside others' under the ID",
			"options is a table: ttl = seconds or \"1h30m\", keep = true (the node stores it\nagain before it expires), prompt = true (half the holders are enough).\nReturns key, stored, refused, questions, hops and ms.",
			`add(sha1("greeting"), "hello", {ttl = "1h"})`, s.add},
		{"findvalue", "findvalue(id [, enough])", "find the values under an ID, of all their owners",
			"As many values as enough end the search; without it, all are looked for.\nReturns the values in a list, with from, questions, hops and ms.",
			`for _, v in ipairs(findvalue(sha1("greeting"))) do print(v) end`, s.findValue},
		{"remove", "remove(id, value)", "take back a value that this node has stored",
			"Values of others stay. Returns what add returns.",
			`remove(sha1("greeting"), "hello")`, s.remove},
		{"findnode", "findnode(id)", "find the nodes closest to an ID",
			"Returns a list of nodes, the closest first: id, addr and distance each.",
			`print(findnode(sha1("greeting"))[1].addr)`, s.findNode},
		{"lookup", "lookup(id)", "findnode, told step by step as it happens",
			"A step is: asked, late (another is asked in its place), answered or failed.\nIt has the time since the first, the node's ID, its distance to what is looked\nfor and its address. Prints in scripts too. Returns what findnode returns.",
			`lookup(sha1("greeting"))`, s.lookup},
		{"ping", "ping(address or id)", "ask a node for a sign of life",
			"An address is \"host:port\", and who answers there becomes a contact; an ID is\nlooked for first. Returns id, addr and ms.",
			`ping("127.0.0.1:4433")`, s.ping},
		{"routing", "routing()", "show the routing table, the farthest bucket first",
			"A line is a contact: its ID, its distance to this node, its address, its state\nand how long ago it was heard of.\nReturns a list of buckets: prefix, waiting and contacts each.",
			`routing()`, s.routing},
		{"status", "status()", "show how the node is",
			"Returns id, addr, contacts, network (an estimate; 0: not known), memory,\nentries and bytes.",
			`print(status().id)`, s.status},
		{"sha1", "sha1(text)", "the ID of a text: 20 bytes",
			"Any text has one; it is what other programs make of a key that is no ID.",
			`tohex(sha1("greeting"))`, sum},
		{"xor", "xor(a, b)", "the distance of two IDs: 20 bytes",
			"Any two strings of one length will do.",
			`tohex(xor(sha1("a"), status().id))`, xor},
		{"tohex", "tohex(bytes)", "bytes as hexadecimal digits", "", `tohex(sha1("greeting"))`, toHex},
		{"fromhex", "fromhex(digits)", "hexadecimal digits as bytes", "", `fromhex("ff00")`, fromHex},
		{"getbucketno", "getbucketno(distance)", "the number of its first bit that is set: 1 to 161",
			"1 is the farther half of all IDs, 161 is no distance at all.",
			`getbucketno(xor(sha1("a"), status().id))`, bucketNumber},
		{"print", "print(...)", "print values in one line, as they are",
			"A terminal is shown what is not printable as \\ddd.", `print("a", 1)`, s.print},
		{"pprint", "pprint(value)", "print a value with all that is in it",
			"Strings are quoted as Lua would read them, IDs are in hex.", `pprint({1, {x = 2}})`, s.prettyPrint},
		{"gc", `gc(["collect"])`, "show this process's memory; \"collect\" frees some",
			"The number of KiB in the prompt is the node's.", `gc("collect")`, s.collect},
		{"help", "help([command])", "show this list, or explain one command", "", `help("add")`, s.help},
	}
}

// define gives l the commands.
func (s *Shell) define(l *lua.LState) {
	for _, c := range s.commands() {
		f := l.NewFunction(c.run)
		s.named[f] = c
		l.SetGlobal(c.name, f)
	}
}

// help lists the commands, or explains one.
func (s *Shell) help(l *lua.LState) int {
	if l.GetTop() == 0 {
		s.overview()
		return 0
	}
	var name string
	switch of := l.Get(1).(type) {
	case lua.LString:
		name = string(of)
	case *lua.LFunction:
		if c := s.named[of]; c != nil {
			name = c.name
		}
	}
	for _, c := range s.commands() {
		if c.name == name {
			s.out.Printf("%s\n    %s\n", c.usage, c.says)
			for line := range strings.Lines(c.explains) {
				s.out.Printf("    %s\n", strings.TrimSuffix(line, "\n"))
			}
			s.out.Printf("    > %s\n", c.example)
			return 0
		}
	}
	l.RaiseError("there is no help on that; help() lists what there is")
	return 0
}

func (s *Shell) overview() {
	width := 0
	for _, c := range s.commands() {
		width = max(width, len(c.usage))
	}
	var b strings.Builder
	for _, c := range s.commands() {
		fmt.Fprintf(&b, "%-*s  %s\n", width, c.usage, c.says)
	}
	s.out.Printf("%s\nAn ID is 20 bytes or 40 hexadecimal digits; sha1(text) makes one of any text.\n"+
		"The rest is Lua 5.1: string, table, math, coroutine, os.time, os.clock, os.date.\n"+
		"At the prompt a command says what it did, and an expression is shown; in a\n"+
		"script a command returns it: print(findvalue(id)).\n", b.String())
}

// said gives table back to the script, with text for who prints it; at the
// prompt it is printed at once.
func (s *Shell) said(l *lua.LState, table *lua.LTable, text string) int {
	text = escape(text, "\n")
	meta := l.NewTable()
	meta.RawSetString("__tostring", l.NewFunction(func(l *lua.LState) int {
		l.Push(lua.LString(strings.TrimSuffix(text, "\n")))
		return 1
	}))
	l.SetMetatable(table, meta)
	if s.config.Interactive {
		s.out.Printf("%s", text)
		s.shown = table
	}
	l.Push(table)
	return 1
}

// fail raises what went wrong, with the script's line.
func fail(l *lua.LState, doing string, err error) {
	if l.Context().Err() != nil {
		l.RaiseError("interrupted")
	}
	l.RaiseError("%s: %s", doing, escaped(err.Error()))
}

// table makes a Lua table of fields.
func table(l *lua.LState, fields map[string]lua.LValue) *lua.LTable {
	t := l.NewTable()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		t.RawSetString(name, fields[name])
	}
	return t
}

// contact is c as a table.
func contact(l *lua.LState, c api.Contact) *lua.LTable {
	return table(l, map[string]lua.LValue{"id": lua.LString(c.ID), "addr": lua.LString(c.Addr)})
}

// counted is "1 node" or "2 nodes".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
