package shell_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/khashmir/kad/khashmir"
)

// Kademlua's add overwrote what others had stored under the same ID.
func TestValuesOfSeveralOwnersLiveSideBySide(t *testing.T) {
	all := network(t)
	one, other := gateway(t, all[3]), gateway(t, all[7])
	says(t, one, `add(sha1("greeting"), "hello")`, "")
	says(t, other, `add(sha1("greeting"), "servus") add(sha1("greeting"), "hello")`, "")

	says(t, one, `local v = findvalue(sha1("greeting")) table.sort(v) print(#v, unpack(v))`, "2\thello\tservus\n")

	says(t, one, `local r = remove(sha1("greeting"), "hello") print(#r.refused)`, "0\n")
	says(t, one, `local v = findvalue(sha1("greeting")) table.sort(v) print(#v, unpack(v))`, "2\thello\tservus\n")
	says(t, other, `remove(sha1("greeting"), "hello")`, "")
	says(t, one, `local v = findvalue(sha1("greeting")) print(#v, v[1], v.key == tohex(sha1("greeting")))`, "1\tservus\ttrue\n")
}

func TestAddTellsWhereItIs(t *testing.T) {
	all := network(t)
	node := gateway(t, all[0])
	says(t, node, `local r = add(tohex(sha1("k")), "v", {ttl = "1h", keep = true, prompt = false})
		print(#r.stored, #r.refused, r.key == tohex(sha1("k")), r.questions >= 8, r.hops >= 1, r.ms > 0, #r.stored[1].id, r.goeson)`,
		"8\t0\ttrue\ttrue\ttrue\ttrue\t40\tfalse\n")
	for i, closest := range slices.SortedFunc(slices.Values(ids(all)), khashmir.HashID([]byte("k")).CompareDistance)[:8] {
		holder := all[slices.Index(ids(all), closest)]
		held, err := holder.Holdings(khashmir.ID{}, 10)
		if err != nil || len(held) != 1 || held[0].Key != khashmir.HashID([]byte("k")) {
			t.Errorf("the %d. closest holds %v, %v", i+1, held, err)
		}
	}
	out, err := script(t, node, `print(add(sha1("k"), "w", {ttl = 60}))`)
	if err != nil || !strings.HasPrefix(out, "stored at 8 nodes, ") || !strings.HasSuffix(out, " ms\n") {
		t.Errorf("prints %q, %v", out, err)
	}
	says(t, node, `print(#findvalue(sha1("k")), #findvalue(sha1("k"), 1) >= 1)`, "2\ttrue\n")
	says(t, node, `add(sha1("number"), 42) print(findvalue(sha1("number"))[1])`, "42\n")
	says(t, node, `local v = findvalue(sha1("nothing")) print(#v, #v.from, v.answers >= 8)`, "0\t0\ttrue\n")
	says(t, node, `local v = findvalue(sha1("k")) print(#v.from, v.from[1].values, #v.from[1].id)`, "8\t2\t40\n")
}

func TestAddRefusesWhatMakesNoSense(t *testing.T) {
	node := gateway(t, network(t)[0])
	for source, want := range map[string]string{
		`add("greeting", "x")`:                `play.lua:1: bad argument #1 to add (an ID is 20 bytes or 40 hexadecimal digits; try sha1("greeting"))`,
		`add("\1\2", "x")`:                    "20 bytes or 40 hexadecimal digits, this is 2 bytes",
		`add(("g"):rep(40), "x")`:             "20 bytes or 40",
		`add()`:                               "string expected",
		`add(sha1("a"), {})`:                  "string expected",
		`add(sha1("a"), "x", {tll = 1})`:      `there is no option "tll"`,
		`add(sha1("a"), "x", {ttl = "soon"})`: "ttl is a number of seconds",
		`add(sha1("a"), "x", {ttl = -1})`:     "ttl is a number of seconds",
		`add(sha1("a"), "x", {ttl = 1e9})`:    "not stored: ",
		"\n\nadd(sha1('a'), ('x'):rep(2^17))": "play.lua:3: not stored: ",
		`findvalue(sha1("a"), -1)`:            "enough is a number of values",
		`findnode(sha1("a"):sub(1, 19))`:      "this is 19 bytes",
		`ping("nowhere")`:                     `an address ("host:port") or an ID`,
		`ping("10.9.9.9:1")`:                  "play.lua:1: ping: ",
		`remove(sha1("never stored"))`:        "string expected",
		`help("nothing")`:                     "there is no help on that",
		`gc("everything")`:                    `gc() or gc("collect")`,
		`fromhex("xy")`:                       "not hexadecimal digits",
		`fromhex("abc")`:                      "not hexadecimal digits",
		`getbucketno("\1")`:                   "a distance is 20 bytes",
		`xor("ab", "c")`:                      "xor: 2 bytes and 1 byte",
	} {
		fails(t, node, source, want)
	}
}

func TestFindNodeFindsTheClosest(t *testing.T) {
	all := network(t)
	node, target := gateway(t, all[0]), khashmir.HashID([]byte("somewhere"))
	others := slices.SortedFunc(slices.Values(ids(all[1:])), target.CompareDistance)

	out, err := script(t, node, `for _, c in ipairs(findnode(arg[1])) do print(c.id, c.distance, c.addr) end`, target.String())

	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) < 7 {
		t.Fatalf("only %d found:\n%s", len(lines), out)
	}
	for i, line := range lines {
		where := all[slices.Index(ids(all), others[i])].Addr()
		want := fmt.Sprintf("%s\t%s\t%s", others[i], distance(others[i], target), where)
		if line != want {
			t.Errorf("line %d is %q, want %q", i+1, line, want)
		}
	}
}

func TestLookupTellsItsSteps(t *testing.T) {
	node := gateway(t, network(t)[0])
	out, err := script(t, node, `local r = lookup(sha1("somewhere")) print("then", #r, r.questions, r.target == tohex(sha1("somewhere")))`)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out, "\n")
	if want := "      ms  step      node       | distance   @ address"; lines[0] != want {
		t.Errorf("begins with %q, want %q", lines[0], want)
	}
	asked, answered := strings.Count(out, "  asked     "), strings.Count(out, "  answered  ")
	if asked < 7 || answered < 7 || asked < answered {
		t.Errorf("%d asked and %d answered:\n%s", asked, answered, out)
	}
	if want := fmt.Sprintf("then\t%d\t%d\ttrue", answered, asked); lines[len(lines)-2] != want && answered < 8 {
		t.Errorf("ends with %q, want %q", lines[len(lines)-2], want)
	}
}

// A node that has died is told of as one that failed.
func TestLookupTellsOfTheDead(t *testing.T) {
	all := network(t)
	all[5].Abort()
	out, err := script(t, gateway(t, all[0]), `lookup(arg[1])`, all[5].ID().String())
	if err != nil || !strings.Contains(out, "  failed    "+all[5].ID().String()[:10]+" | 0000000000 @ "+all[5].Addr().String()) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPing(t *testing.T) {
	all := network(t)
	node := gateway(t, all[0])
	for _, to := range []string{all[4].ID().String(), all[4].Addr().String()} {
		out, err := script(t, node, `local p = ping(arg[1]) print(p.id, p.addr, p.ms >= 0)`, to)
		if want := fmt.Sprintf("%s\t%s\ttrue\n", all[4].ID(), all[4].Addr()); err != nil || out != want {
			t.Errorf("ping %s prints %q, %v; want %q", to, out, err, want)
		}
	}
	says(t, node, `print(ping(fromhex("`+all[4].ID().String()+`")).id == "`+all[4].ID().String()+`")`, "true\n")
}

func TestRoutingShowsTheTable(t *testing.T) {
	all := network(t)
	out, err := script(t, gateway(t, all[0]), `print(routing())
		for i, b in ipairs(routing()) do print(i, b.prefix, b.waiting, #b.contacts) end`)
	if err != nil {
		t.Fatal(err)
	}
	for i, bucket := range all[0].Table() {
		if want := fmt.Sprintf("\n%d\t%s\t%d\t%d\n", i+1, fmt.Sprintf("%b", 1<<bucket.Range.Bits|int(bucket.Range.Prefix[0])>>(8-bucket.Range.Bits))[1:], bucket.Waiting, len(bucket.Contacts)); !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
		for _, member := range bucket.Contacts {
			want := fmt.Sprintf("%s | %s @ %s  good ", member.Contact.ID, distance(member.Contact.ID, all[0].ID()), member.Contact.Addr())
			if !strings.Contains(out, want) {
				t.Errorf("no %q in:\n%s", want, out)
			}
		}
	}
}

func TestStatus(t *testing.T) {
	all := network(t)
	says(t, gateway(t, all[0]), `for i = 1, 20 do findnode(sha1(tostring(i))) end
		local s = status() print(s.id == "`+all[0].ID().String()+`", s.contacts > 7, s.network > 7, s.memory > 0, s.entries, s.bytes)
		print(tostring(s):match("some %d+ nodes in all") ~= nil)`, "true\ttrue\ttrue\ttrue\t0\t0\ntrue\n")
}

func TestIDsAsKademluaHadThem(t *testing.T) {
	node := nobody(t)
	says(t, node, `print(tohex(sha1("kademlua")), #sha1("x"))`, "8731f3752af75f25f745e7a381e6d6fb8fb5c3d6\t20\n")
	says(t, node, `print(tohex(fromhex("00fF")), tohex(xor("\1\2", "\3\2")), tohex(""))`, "00ff\t0200\t\n")
	says(t, node, `local a, b = sha1("a"), sha1("b") print(xor(a, tohex(b)) == xor(b, a), xor(a, a) == ("\0"):rep(20))`, "true\ttrue\n")
	for distance, number := range map[string]string{
		"8000000000000000000000000000000000000000": "1",
		"7fffffffffffffffffffffffffffffffffffffff": "2",
		"00ff000000000000000000000000000000000000": "9",
		"0000000000000000000000000000000000000001": "160",
		"0000000000000000000000000000000000000000": "161",
	} {
		says(t, node, `print(getbucketno("`+distance+`"), getbucketno(fromhex("`+distance+`")))`, number+"\t"+number+"\n")
	}
}

func TestHelpKnowsAllCommands(t *testing.T) {
	node := nobody(t)
	out, err := script(t, node, `help()`)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"add", "findvalue", "findnode", "sha1", "routing", "print", "pprint", "xor", "tohex", "fromhex",
		"getbucketno", "gc", "help", "remove", "ping", "lookup", "status"} {
		if !strings.Contains("\n"+out, "\n"+name+"(") {
			t.Errorf("help() does not list %s", name)
		}
		explained, err := script(t, node, `help("`+name+`")`)
		byValue, _ := script(t, node, `help(`+name+`)`)
		if err != nil || !strings.HasPrefix(explained, name+"(") || !strings.Contains(explained, "    > ") || byValue != explained {
			t.Errorf("help(%q) says %q, %v; help(%s) %q", name, explained, err, name, byValue)
		}
	}
	for line := range strings.Lines(out) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}

func TestPrettyPrint(t *testing.T) {
	says(t, nobody(t), `local t = {10, 20, name = "a\"\0\27", sub = {x = true}, [0.5] = "half", f = add}
		t.self = t
		pprint(t) pprint({}) pprint("q") pprint(7) pprint(sha1("a"))`, `0.5 => "half"
1 => 10
2 => 20
f => function add(id, value [, options])
name => "a\"\000\027"
self =>
    (itself)
sub =>
    x => true
{}
"q"
7
fromhex("86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")
`)
}

func TestGarbage(t *testing.T) {
	out, err := script(t, nobody(t), `gc() gc("collect") gc("step") print(collectgarbage("count") > 0, collectgarbage())`)
	if err != nil || strings.Count(out, "memory in use: ") != 3 || strings.Count(out, " KiB after\n") != 2 || !strings.HasSuffix(out, "true\t0\n") {
		t.Errorf("%v: %s", err, out)
	}
}

// A node that is closed says so, in one line.
func TestTheNodeIsGone(t *testing.T) {
	all := network(t)
	node := gateway(t, all[0])
	all[0].Close()
	for _, source := range []string{`add(sha1("a"), "b")`, `findvalue(sha1("a"))`, `findnode(sha1("a"))`, `lookup(sha1("a"))`} {
		fails(t, node, source, "closed")
	}
	if _, err := all[0].FindNode(context.Background(), khashmir.ID{}); err == nil {
		t.Error("and yet it finds")
	}
}

func ids(all []*khashmir.Node) (ids []khashmir.ID) {
	for _, node := range all {
		ids = append(ids, node.ID())
	}
	return ids
}

// distance is the first ten digits of it.
func distance(a, b khashmir.ID) string {
	for i := range a {
		a[i] ^= b[i]
	}
	return a.String()[:10]
}
