package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// trial is one datagram and what may come of it.
type trial struct {
	bep  int
	rule string // what the case is named after
	send raw    // with me, hash and token in places
	want outcome
}

// outcome is what may come of a datagram: an answer, an error, or silence.
type outcome struct {
	answer  bool
	silence bool
	codes   []int
	any     bool
	target  string              // what the token is for, if not just anything
	checks  []check             // on an answer
	after   func(p *peer) error // whatever it was
}

// check looks at an answer and says what is wrong with it.
type check func(p *peer, m message) error

func answered(checks ...check) outcome { return outcome{answer: true, checks: checks} }
func refused(codes ...int) outcome     { return outcome{codes: codes} }

var (
	unanswered = outcome{silence: true}
	dropped    = unanswered.or(refused(203)) // or told why, where it can be
	survived   = outcome{answer: true, silence: true, any: true}
)

// or allows what either allows.
func (o outcome) or(other outcome) outcome {
	return outcome{
		answer:  o.answer || other.answer,
		silence: o.silence || other.silence,
		codes:   slices.Concat(o.codes, other.codes),
		any:     o.any || other.any,
		target:  o.target + other.target,
		checks:  slices.Concat(o.checks, other.checks),
	}
}

// under says what the token in the datagram is for.
func (o outcome) under(target string) outcome {
	o.target = target
	return o
}

// run tries each datagram from a socket of its own on one node.
func run(t *testing.T, trials []trial) {
	t.Helper()
	target := open(t)
	for _, c := range trials {
		t.Run(fmt.Sprintf("BEP %d: %s", c.bep, c.rule), func(t *testing.T) {
			p := dial(t, target)
			if c.want.target != "" {
				p.hash = c.want.target
			}
			p.try(c.send, c.want)
		})
	}
}

// try sends a datagram and holds what comes of it against what may. Silence is
// shown by the answer to a ping that was sent after it; that there is no second
// answer by a further ping.
func (p *peer) try(datagram raw, want outcome) {
	p.t.Helper()
	filled := p.fill(datagram)
	p.send(filled)
	var got []message
	if !want.silence {
		got = append(got, p.receive())
	}
	got = append(got, p.until(p.ping())...)
	got = append(got, p.until(p.ping())...)
	err := want.judge(p, filled, got)
	if err == nil && want.after != nil {
		err = want.after(p)
	}
	if err != nil {
		p.t.Errorf("%v\nasked %.600q", err, filled)
	}
}

func (o outcome) judge(p *peer, asked raw, got []message) error {
	if len(got) > 1 {
		return fmt.Errorf("%d answers: %q, %q", len(got), got[0].raw, got[1].raw)
	}
	if len(got) == 0 {
		if !o.silence {
			return fmt.Errorf("silence")
		}
		return nil
	}
	m := got[0]
	if err := proper(p, asked, m); err != nil {
		return fmt.Errorf("%w: %q", err, m.raw)
	}
	switch {
	case m.y == "e" && (o.any || slices.Contains(o.codes, m.code)):
		return nil
	case m.y == "e" || !o.answer:
		return fmt.Errorf("answered %q, wanted %v", m.raw, o)
	}
	for _, check := range o.checks {
		if err := check(p, m); err != nil {
			return fmt.Errorf("%w: %q", err, m.raw)
		}
	}
	return nil
}

// proper is what holds for every answer and error.
func proper(p *peer, asked raw, m message) error {
	if len(m.raw) > maxReply {
		return fmt.Errorf("%d bytes, over %d", len(m.raw), maxReply)
	}
	whole := strings.Contains(string(asked), "1:t2:aa")
	if (whole || m.tx != "") && !strings.Contains(string(asked), fmt.Sprintf("1:t%d:%s", len(m.tx), m.tx)) {
		return fmt.Errorf("an answer to %q, which nobody asked", m.tx)
	}
	return nil
}

func (o outcome) String() string {
	var may []string
	if o.answer {
		may = append(may, "an answer")
	}
	if o.silence {
		may = append(may, "silence")
	}
	for _, code := range o.codes {
		may = append(may, fmt.Sprintf("error %d", code))
	}
	return strings.Join(may, " or ")
}

// has checks that an answer has a key, with a value of the type of like.
func has[T string | int | []any](key string, good func(T) bool) check {
	return func(_ *peer, m message) error {
		value, ok := m.r[key].(T)
		if !ok || !good(value) {
			return fmt.Errorf("%s is %#v", key, m.r[key])
		}
		return nil
	}
}

// lacks checks that an answer does not have these keys.
func lacks(keys ...string) check {
	return func(_ *peer, m message) error {
		for _, key := range keys {
			if value, present := m.r[key]; present {
				return fmt.Errorf("it has %s: %#v", key, value)
			}
		}
		return nil
	}
}

// compactNodes checks nodes or nodes6: whole contacts, at most eight, and none
// with the id of who answers.
func compactNodes(key string, size int) check {
	return func(_ *peer, m message) error {
		list, ok := m.r[key].(string)
		if !ok || len(list)%size != 0 || len(list) > 8*size {
			return fmt.Errorf("%s is %#v", key, m.r[key])
		}
		for ; list != ""; list = list[size:] {
			if list[:20] == m.id {
				return fmt.Errorf("it tells of itself in %s", key)
			}
		}
		return nil
	}
}

var nodes4, nodes6 = compactNodes("nodes", 26), compactNodes("nodes6", 38)
