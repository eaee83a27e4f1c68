package lookup_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/lookup"
)

var update = flag.Bool("update", false, "write what the scripts in testdata print")

// TestTheScripts plays testdata/*.txt: a line is a command, the lines indented
// below it are what it prints. testdata/README says what the commands are.
func TestTheScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			played := playScript(t, string(script))
			if *update {
				if err := os.WriteFile(file, []byte(played), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if played != string(script) {
				t.Errorf("%s now goes like this (-update writes it):\n%s", file, played)
			}
		})
	}
}

// playScript runs the commands of a script and returns it with their output.
func playScript(t *testing.T, script string) string {
	var out strings.Builder
	s := stage{t: t}
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, " ") {
			continue // what it printed the last time
		}
		out.WriteString(line)
		command, _, _ := strings.Cut(strings.TrimSpace(line), "#")
		if command = strings.TrimSpace(command); command == "" {
			continue
		}
		if answer := s.do(command); answer != "" {
			fmt.Fprintf(&out, "    %s\n", answer)
		}
	}
	return out.String()
}

// stage is where a script is played: one lookup.
type stage struct {
	t      *testing.T
	lookup *lookup.Lookup
}

// do runs a command and returns what it prints.
func (s *stage) do(command string) string {
	verb, rest, _ := strings.Cut(command, " ")
	who, said, _ := strings.Cut(rest, ":")
	switch verb {
	case "lookup":
		s.begin(rest)
	case "self":
		s.lookup.Self(s.contacts(rest)[0])
	case "add":
		s.lookup.Add(s.contacts(rest)...)
	case "next":
		c, ok := s.lookup.Next()
		if !ok {
			return "nobody for now"
		}
		return "ask " + nickname(c)
	case "reply":
		s.lookup.Reply(s.contacts(who)[0].ID, s.contacts(said))
	case "late":
		s.lookup.Late(s.contacts(rest)[0].ID)
	case "fail":
		s.lookup.Fail(s.contacts(rest)[0].ID)
	case "done?":
		if !s.lookup.Done() {
			return "not yet"
		}
		return "done"
	case "closest":
		return nicknames(s.lookup.Closest())
	case "spares":
		return nicknames(s.lookup.Spares())
	case "count":
		return fmt.Sprintf("%d asked, %d in flight, %d hops", s.lookup.Questions(), s.lookup.InFlight(), s.lookup.Hops())
	default:
		s.t.Fatalf("no such command: %q", command)
	}
	return ""
}

func (s *stage) begin(settings string) {
	var target kad.ID
	var config lookup.Config
	for _, setting := range strings.Fields(settings) {
		name, value, _ := strings.Cut(setting, "=")
		number, err := strconv.Atoi(value)
		switch name {
		case "target":
			target, err = s.contacts(value)[0].ID, nil
		case "self":
			config.Self, err = s.contacts(value)[0].ID, nil
		case "k":
			config.K = number
		case "alpha":
			config.Alpha = number
		case "questions":
			config.MaxQuestions = number
		default:
			s.t.Fatalf("no such setting: %q", setting)
		}
		if err != nil {
			s.t.Fatalf("%q: %v", setting, err)
		}
	}
	s.lookup = lookup.New(target, config)
}

// contacts reads nicknames: the first byte of the ID in hex, then ' for another
// address than usual and ! for none at all. "zero" has the zero ID.
func (s *stage) contacts(nicknames string) []kad.Contact {
	var contacts []kad.Contact
	for _, nickname := range strings.Fields(nicknames) {
		digits, mark := nickname, ""
		if i := strings.IndexAny(nickname, "'!"); i > 0 {
			digits, mark = nickname[:i], nickname[i:]
		}
		if digits == "zero" {
			contacts = append(contacts, kad.Contact{V4: netip.MustParseAddrPort("192.0.2.1:4000")})
			continue
		}
		first, err := strconv.ParseUint(digits, 16, 8)
		if err != nil {
			s.t.Fatalf("%q is not a contact: %v", nickname, err)
		}
		c := contact(byte(first))
		switch mark {
		case "'":
			c.V4 = netip.AddrPortFrom(c.V4.Addr(), 5000)
		case "!":
			c.V4 = netip.AddrPort{}
		}
		contacts = append(contacts, c)
	}
	return contacts
}

// contact has an ID that begins with this byte and ends in 1, so that 00 is not
// the zero ID; between any two of them, the first byte alone is the distance.
func contact(first byte) kad.Contact {
	return kad.Contact{
		ID: kad.ID{0: first, kad.IDSize - 1: 1},
		V4: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, first}), 4000),
	}
}

func nickname(c kad.Contact) string {
	name := fmt.Sprintf("%02x", c.ID[0])
	switch c.V4.Port() {
	case 5000:
		name += "'"
	case 0:
		name += "!"
	}
	return name
}

func nicknames(contacts []kad.Contact) string {
	if len(contacts) == 0 {
		return "nobody"
	}
	var names []string
	for _, c := range contacts {
		names = append(names, nickname(c))
	}
	return strings.Join(names, " ")
}
