package shell_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/khashmir/kad/shell"
)

// What there is, is listed: what a new version of the library adds is found out
// here, and not by whoever gets out.
func TestTheSandboxHasThisAndNothingElse(t *testing.T) {
	says(t, nobody(t), `local function names(t)
			local all = {}
			for name in pairs(t) do all[#all + 1] = tostring(name) end
			table.sort(all)
			return table.concat(all, " ")
		end
		print(names(_G)) print(names(string)) print(names(table)) print(names(math)) print(names(coroutine)) print(names(os))`,
		"_G _GOPHER_LUA_VERSION _VERSION add arg assert collectgarbage coroutine error findnode findvalue fromhex gc getbucketno "+
			"getfenv getmetatable help ipairs load loadstring lookup math next os pairs pcall ping pprint print rawequal rawget rawset "+
			"remove routing select setfenv setmetatable sha1 status string table tohex tonumber tostring type unpack xor xpcall\n"+
			".. __index byte char find format gfind gmatch gsub len lower match rep reverse sub upper\n"+
			"concat getn insert maxn remove sort\n"+
			"abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min mod modf pi pow rad random randomseed sin sinh sqrt tan tanh\n"+
			"create resume running status wrap yield\n"+
			"clock date difftime time\n")
}

// The ways out that others have left open.
func TestEscapes(t *testing.T) {
	node := nobody(t)
	secret := filepath.Join(t.TempDir(), "secret.lua")
	if err := os.WriteFile(secret, []byte("return 'secret'"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SECRET", "secret")
	t.Chdir(filepath.Dir(secret)) // where require would look
	for _, escape := range []string{
		`return dofile(FILE)`,
		`return loadfile(FILE)()`,
		`return io.open(FILE):read("*a")`,
		`for line in io.lines(FILE) do return line end`,
		`return require("secret")`,
		`return package.loadlib(FILE, "luaopen_secret")`,
		`return package.loaders[2]("secret")()`,
		`module("secret")`,
		`return os.getenv("SECRET")`,
		`os.execute("cat " .. FILE)`,
		`return io.popen("cat " .. FILE):read("*a")`,
		`os.remove(FILE)`,
		`os.rename(FILE, FILE .. ".taken")`,
		`os.exit(0)`,
		`os.tmpname()`,
		`os.setlocale("C")`,
		`return debug.getregistry()._LOADED.io`,
		`return debug.getupvalue(print, 1)`,
		`return _LOADED.io`,
		`return getfenv(0).io.open`,
		`return getfenv(print).debug.getinfo`,
		`return getmetatable("").__index.dump(add)`,
		`return string.dump(function() end)`,
		`return loadstring("\27Lua" .. ("\0"):rep(20))()`,
		`return load(function() return nil end, "x")().io.open`,
		`return coroutine.wrap(function() return io.open(FILE) end)()`,
		`return newproxy(true).x`,
		`channel.make()`,
		`setmetatable(_G, {__index = function(_, name) return rawget(_G, "_" .. name) end}) return io.open(FILE)`,
		`return ({pcall(require, "secret")})[2].x.y`,
		`return getmetatable(add).__index`,
		`return getmetatable(print).__call`,
		`_printregs()`,
	} {
		source := "local FILE = arg[1]\n" + escape
		out, err := script(t, node, source, secret)
		if err == nil {
			t.Errorf("%s\ngets out", escape)
		}
		if strings.Contains(out, "secret") {
			t.Errorf("%s\nprints %q", escape, out)
		}
	}
	if _, err := os.Stat(secret); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}

// One instruction, or a handful, for all the memory or all the time that there is.
func TestBombs(t *testing.T) {
	node := nobody(t)
	for source, want := range map[string]string{
		`("x"):rep(1e9)`:                             "longer than 16 MiB",
		`("x"):rep(2^62)`:                            "longer than 16 MiB",
		`string.rep("xy", 2^23 + 1)`:                 "longer than 16 MiB",
		`local s = "x" while true do s = s .. s end`: "longer than 16 MiB",
		`local s = ("x"):rep(2^23) s = s .. s .. s`:  "longer than 16 MiB",
		`local s = ("x"):rep(2^20) print(loadstring("local s = ... return " .. ("s .. "):rep(99) .. "s")(s))`: "longer than 16 MiB",
		`local s, t = ("x"):rep(2^20), {} for i = 1, 1e5 do t[i] = s end table.concat(t)`:                     "longer than 16 MiB",
		`local s = ("x"):rep(2^20) s:gsub("x", s)`:                                                            "longer than 16 MiB",
		`local s = ("x"):rep(2^20) s:gsub("x", function() return s end)`:                                      "longer than 16 MiB",
		`local s = ("x"):rep(2^20) s:gsub("x", {x = s})`:                                                      "longer than 16 MiB",
		`("x"):rep(2^12):gsub("(x*)", ("%1"):rep(2^13))`:                                                      "longer than 16 MiB",
		`string.format("%999999999d", 1)`:                                                                     "invalid format",
		`string.format("%.999f", 1)`:                                                                          "invalid format",
		`local s = ("x"):rep(2^23) string.format("%s%s%s", s, s, s)`:                                          "longer than 16 MiB",
		`tohex(("x"):rep(2^23 + 1))`:                                                                          "longer than 16 MiB",
		`local s = ("x"):rep(2^23) print(s, s, s)`:                                                            "longer than 16 MiB",
		`("x"):rep(2^20 + 1):find("y")`:                                                                       "patterns are looked for in up to 1024 KiB",
		`("x"):rep(2^20 + 1):gmatch("y")`:                                                                     "patterns are looked for in up to 1024 KiB",
		`("x"):rep(100):find(("x"):rep(2^14))`:                                                                "the pattern is longer",
		`("x"):rep(2^20):match(("x*"):rep(9) .. "y")`:                                                         "too complex",
		`local t = {} while true do t[#t + 1] = ("x"):rep(2^20) .. #t end`:                                    "out of memory: more than 64 MiB",
		`local t = {} while true do t = {t} end`:                                                              "out of memory: more than 64 MiB",
		`local t = {} for i = 1, 1e9 do t[i] = coroutine.create(print) end`:                                   "out of memory: more than 64 MiB",
		`local function f() return 1 + f() end f()`:                                                           "overflow",
		`local function f() return pcall(f) end f() error("all is well")`:                                     "all is well",
		`local function f() return coroutine.wrap(f)() end f()`:                                               "more than 200 deep",
		`local function f() ("x"):gsub("x", f) end f()`:                                                       "overflow",
		`local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x.y`:                             "play.lua:1:",
		`unpack({}, 1, 1e8)`:                                                                                  "overflow",
		`("x"):rep(2^20):byte(1, -1)`:                                                                         "overflow",
		`os.date(("%c"):rep(2^20))`:                                                                           "the format is longer",
		`load(function() return "x" end)`:                                                                     "more than 256 KiB of source",
		`assert(loadstring(("x"):rep(2^18 + 1)))`:                                                             "more than 256 KiB of source",
		`assert(loadstring("return " .. ("("):rep(1e5) .. "1" .. (")"):rep(1e5)))`:                            "",
		("x = 1 "): "",
	} {
		var out bytes.Buffer
		s := shell.New(node, shell.Config{Out: &out, Err: &out, MaxMemory: 64 << 20})
		err := s.RunFile(t.Context(), "play.lua", strings.NewReader(source), nil)
		s.Close()
		switch {
		case want == "" && err != nil:
			t.Errorf("%s\nfails: %v", source, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "goroutine")):
			t.Errorf("%s\nfails with %v, want %q", source, err, want)
		}
	}
	says(t, node, `local t = {} t[67000000] = 1 print(#t, t[67000000])`, "0\t1\n")
}

// A script that catches its errors is ended all the same, and the shell goes on.
func TestAfterABombThereIsAShell(t *testing.T) {
	var out bytes.Buffer
	s := shell.New(nobody(t), shell.Config{Out: &out, MaxMemory: 64 << 20})
	defer s.Close()
	bomb := `while true do pcall(function() local t = {} while true do t[#t + 1] = ("x"):rep(2^20) .. #t end end) end`
	for range 3 {
		err := s.RunFile(t.Context(), "bomb.lua", strings.NewReader(bomb), nil)
		if err == nil || err.Error() != "out of memory: more than 64 MiB" {
			t.Fatalf("the bomb ends with %v", err)
		}
		out.Reset()
		if err := s.RunFile(t.Context(), "play.lua", strings.NewReader(`print("still here")`), nil); err != nil || out.String() != "still here\n" {
			t.Fatalf("then: %q, %v", out.String(), err)
		}
	}
	if err := s.RunFile(t.Context(), "big.lua", strings.NewReader(strings.Repeat(" ", shell.MaxSource+1)), nil); err == nil || !strings.Contains(err.Error(), "more than 256 KiB") {
		t.Errorf("a big script: %v", err)
	}
	if err := s.RunFile(t.Context(), "broken.lua", broken{}, nil); !errors.Is(err, errBroken) {
		t.Errorf("a script that cannot be read: %v", err)
	}
}

var errBroken = errors.New("it broke")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// The functions that watch what they take are still Lua's.
func TestLuaIsStillLua(t *testing.T) {
	node := nobody(t)
	for source, want := range map[string]string{
		`print(("hello world"):gsub("o", "0"))`:                                                                                                "hell0 w0rld\t2\n",
		`print(("hello"):gsub("", "-"))`:                                                                                                       "-h-e-l-l-o-\t6\n",
		`print(("hello"):gsub("l+", "<%0>"), (("abc"):gsub("%w", "%0%0", 2)))`:                                                                 "he<ll>o\taabbc\n",
		`print(("hello world"):gsub("(%w+) (%w+)", "%2 %1"))`:                                                                                  "world hello\t1\n",
		`print(("$name is $x"):gsub("%$(%w+)", {name = "lua"}))`:                                                                               "lua is $x\t2\n",
		`print(("abc"):gsub("()b()", function(a, b) return a .. "," .. b end))`:                                                                "a2,3c\t1\n",
		`print(("abab"):gsub("^ab", "x"))`:                                                                                                     "xab\t1\n",
		`print(("abc"):gsub("b", function() return nil end), ("a%b"):gsub("%%", "%%"))`:                                                        "abc\ta%b\t1\n",
		`print(pcall(string.gsub, "abc", "b", function() return {} end))`:                                                                      "false\tplay.lua:1: invalid replacement value (a table)\n",
		`print(pcall(string.gsub, "abc", "(", "x") == false)`:                                                                                  "true\n",
		`print(("x"):rep(3), ("x"):rep(0), ("x"):rep(-1), (""):rep(1e9))`:                                                                      "xxx\t\t\t\n",
		`print(table.concat({1, "b", 3}, ", "), table.concat({}, "x"), table.concat({1, 2, 3}, "", 2, 3))`:                                     "1, b, 3\t\t23\n",
		`print(pcall(table.concat, {1, {}, 3}))`:                                                                                               "false\tplay.lua:1: invalid value (table) at index 2 in table for concat\n",
		`print(string.format("%5d|%-5s|%05.1f|%x|%q|%c|%%|%g|%i|%s", 42, "ab", 3.14159, 255, 'a"\n\0', 65, 0.1, "7", nil))`:                    "   42|ab   |003.1|ff|\"a\\\"\\\n\\000\"|A|%|0.1|7|nil\n",
		`print(string.format("%g %g %.3g %e", 1e15, 100000, 2/3, 12345.678))`:                                                                  "1e+15 100000 0.667 1.234568e+04\n",
		`print(pcall(string.format, "%d", "x") == false, pcall(string.format, "%y", 1) == false, pcall(string.format, "%") == false)`:          "true\ttrue\ttrue\n",
		`print(1 .. 2, "a" .. 1 + 1 .. "b", ("x" .. "y"):upper())`:                                                                             "12\ta2b\tXY\n",
		`local t = setmetatable({}, {__concat = function(a, b) return type(a) .. type(b) end}) print(t .. 1, 1 .. t, t .. t, "a" .. "b" .. t)`: "tablenumber\tnumbertable\ttabletable\tastringtable\n",
		`local function two() return "p", "q" end print("x" .. two(), #{"x" .. two()}, select("#", "" .. two()))`:                              "xp\t1\t1\n",
		`local function f(...) return ... .. "!" end print(f("a", "b"))`:                                                                       "a!\n",
		`local function f() return "a" .. "b" end setfenv(f, {}) print(f())`:                                                                   "ab\n",
		`print(pcall(function() return "a" .. nil end))`:                                                                                       "false\tplay.lua:1: attempt to concatenate a nil value\n",
		`print(loadstring("return 1 +")) print(loadstring("x ="))`:                                                                             "nil\t[string \"return 1 +\"]: syntax error at the end\nnil\t[string \"x =\"]: syntax error at the end\n",
		`print(loadstring("return ... * 2", "=double")(21), load(function() return nil end))`:                                                  "42\tfunction: ",
		`local n = 0 local f = load(function() n = n + 1 return ({"return ", "1 + ", "1"})[n] end) print(f())`:                                 "2\n",
		`local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) error("oops " .. b) end) print(coroutine.resume(co, 1)) print(coroutine.resume(co, 2)) print(coroutine.status(co))`: "true\t2\nfalse\tplay.lua:1: oops 2\ndead\n",
		`local w = coroutine.wrap(function() for i = 1, 2 do coroutine.yield(i) end end) print(w(), w(), w())`:                                                                                        "1\t2\n",
		`print(xpcall(function() error("x", 0) end, function(e) return e .. "!" end))`:                                                                                                                "false\tx!\n",
		`print(("abc"):find("b", 10, true), ("abc"):find("c", -1), ("a.b"):find(".", 1, true))`:                                                                                                       "nil\t3\t2\t2\n",
		`for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do io = k .. v print(io) end`:                                                                                                                 "a1\nb2\n",
		`print(type(os.time()), type(os.clock()), os.date("!%Y", 0), os.difftime(2, 1))`:                                                                                                              "number\tnumber\t1970\t1\n",
		"#!/usr/bin/khashmir shell\nprint('second line')":                                                                                                                                             "second line\n",
	} {
		got, err := script(t, node, source)
		if err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s\nprints %q, %v; want %q", source, got, err, want)
		}
	}
}
