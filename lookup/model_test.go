package lookup_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/lookup"
)

// model is a lookup written down as its rules read: it forgets nobody, and goes
// through everybody for each answer.
type model struct {
	target     kad.ID
	config     lookup.Config
	candidates []*modelled
	questions  int
}

type modelled struct {
	contact kad.Contact
	depth   int
	state   string
}

func (m *model) get(id kad.ID) *modelled {
	for _, c := range m.candidates {
		if c.contact.ID == id {
			return c
		}
	}
	return &modelled{state: "unknown"}
}

func (m *model) in(states ...string) []*modelled {
	var in []*modelled
	for _, c := range m.candidates {
		if slices.Contains(states, c.state) {
			in = append(in, c)
		}
	}
	return in
}

// insert keeps the candidates in the order of distance.
func (m *model) insert(c *modelled) {
	m.candidates = append(m.candidates, c)
	slices.SortFunc(m.candidates, func(a, b *modelled) int {
		return a.contact.ID.Distance(m.target).Compare(b.contact.ID.Distance(m.target))
	})
}

func (m *model) window() []*modelled {
	live := m.in("unasked", "asked", "answered")
	return live[:min(len(live), m.config.K)]
}

func (m *model) Self(self kad.Contact) {
	m.config.Self = self.ID
	switch c := m.get(self.ID); c.state {
	case "unknown":
		m.insert(&modelled{self, 0, "answered"})
	case "unasked":
		*c = modelled{self, 0, "answered"}
	}
}

func (m *model) add(depth int, contacts []kad.Contact) {
	for _, c := range contacts {
		if !c.ID.IsZero() && c.ID != m.config.Self && c.Reachable() && m.get(c.ID).state == "unknown" {
			m.insert(&modelled{c, depth, "unasked"})
		}
	}
}

func (m *model) Next() (kad.Contact, bool) {
	if len(m.in("asked")) < m.config.Alpha && m.questions < m.config.MaxQuestions {
		for _, c := range m.window() {
			if c.state == "unasked" {
				c.state = "asked"
				m.questions++
				return c.contact, true
			}
		}
	}
	return kad.Contact{}, false
}

func (m *model) Reply(from kad.ID, closer []kad.Contact) {
	if c := m.get(from); c.state == "asked" || c.state == "late" {
		c.state = "answered"
		m.add(c.depth+1, closer[:min(len(closer), kad.MaxContactsPerReply)])
	}
}

func (m *model) Late(id kad.ID) {
	if c := m.get(id); c.state == "asked" {
		c.state = "late"
	}
}

func (m *model) Fail(id kad.ID) {
	if c := m.get(id); c.state == "asked" || c.state == "late" {
		c.state = "failed"
	}
}

func (m *model) Done() bool {
	if m.questions == m.config.MaxQuestions && len(m.in("asked")) == 0 {
		return true
	}
	if m.get(m.target).state == "late" {
		return false
	}
	window := m.window()
	for _, c := range window {
		if c.state != "answered" {
			return false
		}
	}
	return len(window) == m.config.K || len(m.in("late")) == 0
}

func (m *model) Overtook() bool {
	closest := m.closest()
	return slices.ContainsFunc(m.in("late"), func(c *modelled) bool {
		return len(closest) < m.config.K || m.target.CompareDistance(c.contact.ID, closest[len(closest)-1].ID) < 0
	})
}

func (m *model) closest() (closest []kad.Contact) {
	for _, c := range m.in("answered") {
		if len(closest) < m.config.K {
			closest = append(closest, c.contact)
		}
	}
	return closest
}

func (m *model) Dry() bool {
	others := slices.DeleteFunc(m.in("unasked", "asked", "answered"), func(c *modelled) bool { return c.depth == 0 })
	return len(others) < m.config.K
}

// outcome is all that a lookup tells about itself.
func (m *model) outcome() string {
	hops := 0
	for _, c := range m.in("answered") {
		if hops == 0 {
			hops = c.depth
		}
	}
	return fmt.Sprint(m.Done(), m.Overtook(), m.Dry(), nicknames(m.closest()), hops, m.questions, len(m.in("asked")))
}

func outcome(l *lookup.Lookup) string {
	return fmt.Sprint(l.Done(), l.Overtook(), l.Dry(), nicknames(l.Closest()), l.Hops(), l.Questions(), l.InFlight())
}

// TestTheLookupDoesWhatTheModelDoes also shows that forgetting the far end of
// the shortlist loses nothing: the model forgets nobody.
func TestTheLookupDoesWhatTheModelDoes(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 0))
		self, target := contact(byte(rng.IntN(256))), contact(byte(rng.IntN(256))).ID
		config := lookup.Config{K: 1 + rng.IntN(4), Alpha: 1 + rng.IntN(3), MaxQuestions: 1 + rng.IntN(20), Self: self.ID}
		l, m := lookup.New(target, config), &model{target: target, config: config}
		if rng.IntN(2) == 0 {
			l.Self(self)
			m.Self(self)
		}
		for step := range 80 {
			did := both(t, l, m, rng)
			if got, want := outcome(l), m.outcome(); got != want {
				t.Fatalf("seed %d, step %d, after %s: %s, want %s", seed, step, did, got, want)
			}
		}
		if l.Target() != target {
			t.Fatalf("the target became %s", l.Target())
		}
	}
}

// both draws an event and tells it to both.
func both(t *testing.T, l *lookup.Lookup, m *model, rng *rand.Rand) string {
	id := contact(byte(rng.IntN(256))).ID // mostly a stranger
	if owing := m.in("asked", "late"); len(owing) > 0 && rng.IntN(10) > 0 {
		id = owing[rng.IntN(len(owing))].contact.ID
	}
	switch n := rng.IntN(20); {
	case n < 1:
		contacts := somebody(rng, 10)
		l.Add(contacts...)
		m.add(1, contacts)
		return "Add " + nicknames(contacts)
	case n < 9:
		got, gotOK := l.Next()
		want, wantOK := m.Next()
		if got != want || gotOK != wantOK {
			t.Fatalf("Next = %s %t, want %s %t", nickname(got), gotOK, nickname(want), wantOK)
		}
		return "Next = " + nickname(got)
	case n < 14:
		contacts := somebody(rng, kad.MaxContactsPerReply+4)
		l.Reply(id, contacts)
		m.Reply(id, contacts)
		return fmt.Sprintf("Reply %02x: %s", id[0], nicknames(contacts))
	case n < 17:
		l.Late(id)
		m.Late(id)
		return fmt.Sprintf("Late %02x", id[0])
	default:
		l.Fail(id)
		m.Fail(id)
		return fmt.Sprintf("Fail %02x", id[0])
	}
}

// somebody is up to n contacts, some of them nobody could ask, some moved.
func somebody(rng *rand.Rand, n int) []kad.Contact {
	contacts := make([]kad.Contact, rng.IntN(n+1))
	for i := range contacts {
		contacts[i] = contact(byte(rng.IntN(256)))
		switch rng.IntN(10) {
		case 0:
			contacts[i] = kad.Contact{ID: contacts[i].ID}
		case 1:
			contacts[i].ID = kad.ID{}
		case 2:
			contacts[i].V4 = netip.AddrPortFrom(contacts[i].V4.Addr(), 5000)
		}
	}
	return contacts
}
