package shell

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/khashmir/kad/web/api"
	lua "github.com/yuin/gopher-lua"
)

// add stores a value.
func (s *Shell) add(l *lua.LState) int {
	key, value := id(l, 1), l.CheckString(2)
	options := putOptions(l, 3)
	result, err := s.node.Put(l.Context(), key, []byte(value), options)
	if err != nil {
		failStore(l, "not stored", result, err)
	}
	return s.said(l, stored(l, result), storeReport("stored at", result))
}

// remove takes it back.
func (s *Shell) remove(l *lua.LState) int {
	key, value := id(l, 1), l.CheckString(2)
	result, err := s.node.Remove(l.Context(), key, []byte(value))
	if err != nil {
		failStore(l, "not removed", result, err)
	}
	return s.said(l, stored(l, result), storeReport("taken back at", result))
}

// putOptions are those in the table that is the n-th argument.
func putOptions(l *lua.LState, n int) (o api.PutOptions) {
	given := l.OptTable(n, l.NewTable())
	for _, key := range keysOf(given) {
		value := given.RawGet(key)
		switch key.String() {
		case "ttl":
			o.TTL = duration(l, n, value)
		case "keep":
			o.Keep = lua.LVAsBool(value)
		case "prompt":
			o.Prompt = lua.LVAsBool(value)
		default:
			l.ArgError(n, "there is no option "+quote(key.String())+": ttl, keep and prompt are")
		}
	}
	return o
}

// duration is seconds, or as Go writes it.
func duration(l *lua.LState, n int, value lua.LValue) time.Duration {
	var d time.Duration
	switch value := value.(type) {
	case lua.LNumber:
		d = time.Duration(float64(value) * float64(time.Second))
	case lua.LString:
		d, _ = time.ParseDuration(string(value))
	}
	if d <= 0 {
		l.ArgError(n, `ttl is a number of seconds, or "1h30m"`)
	}
	return d
}

// stored is a result as a table.
func stored(l *lua.LState, r api.Result) *lua.LTable {
	at, refused := l.NewTable(), l.NewTable()
	for _, c := range r.Stored {
		at.Append(contact(l, c))
	}
	for _, each := range r.Refused {
		c := contact(l, each.Contact)
		c.RawSetString("code", lua.LString(each.Error.Code))
		c.RawSetString("message", lua.LString(each.Error.Message))
		refused.Append(c)
	}
	return table(l, map[string]lua.LValue{
		"key": lua.LString(r.Key), "stored": at, "refused": refused,
		"questions": lua.LNumber(r.Questions), "hops": lua.LNumber(r.Hops),
		"ms": lua.LNumber(r.TookMs), "goeson": lua.LBool(r.GoesOn),
	})
}

// storeReport says what has become of a store in one line, and who refused in
// some more.
func storeReport(done string, r api.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", done, counted(len(r.Stored), "node"))
	if len(r.Refused) > 0 {
		fmt.Fprintf(&b, ", not at %d (%s)", len(r.Refused), reasons(r.Refused))
	}
	fmt.Fprintf(&b, ", %d asked, %s, %.1f ms", r.Questions, counted(r.Hops, "hop"), r.TookMs)
	if r.GoesOn {
		b.WriteString("; more are being asked")
	}
	b.WriteByte('\n')
	for i, each := range r.Refused {
		if i == ShownHolders {
			fmt.Fprintf(&b, "    and %d more\n", len(r.Refused)-i)
			break
		}
		fmt.Fprintf(&b, "    not at %s: %s\n", where(each.Contact), each.Error.Message)
	}
	return b.String()
}

// reasons counts why, the most frequent first.
func reasons(refused []api.Refusal) string {
	count := make(map[string]int)
	var codes []string
	for _, each := range refused {
		if count[each.Error.Code]++; count[each.Error.Code] == 1 {
			codes = append(codes, each.Error.Code)
		}
	}
	slices.SortStableFunc(codes, func(a, b string) int { return count[b] - count[a] })
	for i, code := range codes {
		codes[i] = fmt.Sprintf("%d %s", count[code], code)
	}
	return strings.Join(codes, ", ")
}

// failStore raises why a value is nowhere.
func failStore(l *lua.LState, what string, r api.Result, err error) {
	if len(r.Refused) > 0 {
		err = fmt.Errorf("%w (%s)", err, reasons(r.Refused))
	}
	fail(l, what, err)
}

// where is a node in a sentence.
func where(c api.Contact) string {
	if c.Addr == "" {
		return c.ID
	}
	return c.Addr
}
