package shell

import (
	"cmp"
	"fmt"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/khashmir/kad/web/api"
	lua "github.com/yuin/gopher-lua"
)

// ping asks one node for a sign of life.
func (s *Shell) ping(l *lua.LState) int {
	to := l.CheckString(1)
	if _, _, err := net.SplitHostPort(to); err != nil || !readable(to) {
		if to = binary(to); len(to) != IDLength {
			l.ArgError(1, `an address ("host:port") or an ID`)
		}
		to = id(l, 1)
	}
	pong, err := s.node.Ping(l.Context(), to)
	if err != nil {
		fail(l, "ping", err)
	}
	answer := contact(l, pong.Contact)
	answer.RawSetString("ms", lua.LNumber(pong.TookMs))
	return s.said(l, answer, fmt.Sprintf("%s @ %s answered in %.1f ms\n", pong.ID, pong.Addr, pong.TookMs))
}

// routing shows the routing table.
func (s *Shell) routing(l *lua.LState) int {
	routing, err := s.node.Table(l.Context())
	if err != nil {
		fail(l, "routing table", err)
	}
	buckets := l.NewTable()
	for _, bucket := range routing.Buckets {
		contacts := l.NewTable()
		for _, member := range bucket.Contacts {
			c := contact(l, member.Contact)
			c.RawSetString("distance", lua.LString(distance(member.ID, routing.Self)))
			c.RawSetString("state", lua.LString(member.State))
			contacts.Append(c)
		}
		buckets.Append(table(l, map[string]lua.LValue{
			"prefix": lua.LString(bucket.Prefix), "waiting": lua.LNumber(bucket.Waiting), "contacts": contacts,
		}))
	}
	return s.said(l, buckets, tableReport(routing, time.Now()))
}

func tableReport(routing api.Table, now time.Time) string {
	var b strings.Builder
	contacts := 0
	for i, bucket := range routing.Buckets {
		fmt.Fprintf(&b, "bucket %d, IDs that begin with %s:", i+1, cmp.Or(bucket.Prefix, "anything"))
		if bucket.Waiting > 0 {
			fmt.Fprintf(&b, " (%d waiting)", bucket.Waiting)
		}
		b.WriteByte('\n')
		for _, member := range bucket.Contacts {
			contacts++
			fmt.Fprintf(&b, "%s | %s @ %s  %s %s\n",
				member.ID, distance(member.ID, routing.Self), member.Addr, member.State, now.Sub(member.LastSeen).Round(time.Second))
		}
	}
	fmt.Fprintf(&b, "%s in %s; this is %s\n", counted(contacts, "contact"), counted(len(routing.Buckets), "bucket"), routing.Self)
	return b.String()
}

// status shows how the node is.
func (s *Shell) status(l *lua.LState) int {
	status, err := s.node.Status(l.Context())
	if err != nil {
		fail(l, "status", err)
	}
	t := table(l, map[string]lua.LValue{
		"id": lua.LString(status.ID), "addr": lua.LString(status.Addr),
		"contacts": lua.LNumber(status.Contacts), "network": lua.LNumber(status.Network),
		"memory": lua.LNumber(status.Memory), "entries": lua.LNumber(status.Entries), "bytes": lua.LNumber(status.Bytes),
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%s @ %s, since %s\n", status.ID, status.Addr, status.Since.Format(time.DateTime))
	fmt.Fprintf(&b, "%s, some %s nodes in all; %d KiB in use; holds %d entries, %d bytes\n",
		counted(status.Contacts, "contact"), known(status.Network), status.Memory>>10, status.Entries, status.Bytes)
	for _, check := range status.Health {
		if check.State != api.OK {
			fmt.Fprintf(&b, "%s: %s: %s %s\n", check.State, check.Name, check.Says, check.Do)
		}
	}
	return s.said(l, t, b.String())
}

// known is an estimate, where there is one.
func known(estimate int) string {
	if estimate == 0 {
		return "?"
	}
	return fmt.Sprint(estimate)
}

// print is Lua's, to where the shell prints.
func (s *Shell) print(l *lua.LState) int {
	var line strings.Builder
	for i := 1; i <= l.GetTop(); i++ {
		if i > 1 {
			line.WriteByte('\t')
		}
		line.WriteString(l.ToStringMeta(l.Get(i)).String())
		checkLength(l, line.Len(), 1)
	}
	text := line.String()
	if s.out.escapes {
		text = escape(text, "\n\t")
	}
	s.out.Printf("%s\n", text)
	return 0
}

func (s *Shell) prettyPrint(l *lua.LState) int {
	s.out.Printf("%s", s.show(l.CheckAny(1), 0))
	return 0
}

// collect is Kademlua's gc: memory, and before and after.
func (s *Shell) collect(l *lua.LState) int {
	const kib = 1 << 10
	switch what := l.OptString(1, ""); what {
	case "":
		s.out.Printf("memory in use: %d KiB\n", heap()/kib)
	case "collect", "step":
		before := heap()
		runtime.GC()
		s.out.Printf("memory in use: %d KiB before, %d KiB after\n", before/kib, heap()/kib)
	default:
		l.ArgError(1, `gc() or gc("collect")`)
	}
	return 0
}

// collectGarbage is Lua's: the one number that scripts ask for, and the one act.
func collectGarbage(l *lua.LState) int {
	switch l.OptString(1, "collect") {
	case "count":
		l.Push(lua.LNumber(float64(heap()) / (1 << 10)))
	case "collect", "step":
		runtime.GC()
		l.Push(lua.LNumber(0))
	default: // the collector's speed is not the script's to set
		l.Push(lua.LNumber(0))
	}
	return 1
}
