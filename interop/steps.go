package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// patience bounds one command of a client, and persistence a step: what is
	// not so yet is tried again.
	patience    = 30 * time.Second
	persistence = 90 * time.Second
)

// step is one thing that must come true between us and them.
type step struct {
	name string
	take func(w *world) error
}

var steps = []step{
	{"they bootstrap from us", func(w *world) error {
		_, err := w.them.do("boot", w.us[0].addr())
		return err
	}},
	{"they find a peer we announced", func(w *world) error { return finds(w.them, w.infohash, w.announced) }},
	{"they read an immutable item of ours", func(w *world) error { return w.left.readBy(w.them) }},
	{"they read a mutable item of ours", func(w *world) error { return w.plain.readBy(w.them) }},
	{"they read one with a salt", func(w *world) error { return w.salted.readBy(w.them) }},
	{"they read its next version", func(w *world) error { return both(w.salted.put(w.us[1]), w.salted.readBy, w.them) }},
	{"they announce a peer", func(w *world) (err error) {
		w.theirsAnnounced, err = w.them.do("announce", w.theirInfohash, w.door.port())
		return err
	}},
	{"they put an immutable item", func(w *world) error { return w.theirs.put(w.them) }},
	{"they put a mutable item", func(w *world) error { return w.theirPlain.put(w.them) }},
	{"they put one with a salt", func(w *world) error { return w.theirSalted.put(w.them) }},
	{"a latecomer of ours bootstraps from them", func(w *world) (err error) {
		if w.late, err = speak(w.built+"/ours", w.ips[len(w.ips)-1]); err != nil {
			return err
		}
		return again(func() error {
			_, err := w.late.do("boot", w.them.addr())
			return err
		})
	}},
	{"it finds the peer they announced", func(w *world) error { return finds(w.late, w.theirInfohash, w.theirsAnnounced) }},
	{"it reads their immutable item", func(w *world) error { return w.theirs.readBy(w.late) }},
	{"it reads their mutable item", func(w *world) error { return w.theirPlain.readBy(w.late) }},
	{"it reads the one with a salt", func(w *world) error { return w.theirSalted.readBy(w.late) }},
	{"it reads its next version", func(w *world) error {
		return both(w.theirSalted.put(w.them), w.theirSalted.readBy, w.late)
	}},
	{"they hold a peer we announce", func(w *world) error { return w.known() }},
	{"they hold an immutable item we put", func(w *world) error { return w.held() }},
}

func both(first error, then func(client) error, by client) error {
	if first != nil {
		return first
	}
	return then(by)
}

// again tries until it is so or persistence has run out.
func again(try func() error) error {
	deadline := time.Now().Add(persistence)
	for {
		err := try()
		if err == nil || errors.Is(err, errNever) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// finds has a client look for a peer.
func finds(by client, infohash, announced string) error {
	return again(func() error {
		peers, err := by.do("peers", infohash)
		if err == nil && !slices.Contains(strings.Fields(peers), announced) {
			err = fmt.Errorf("found %q, not %q", peers, announced)
		}
		return err
	})
}

// put has a client put a new item.
func (i *item) put(by client) (err error) {
	i.value = random(30)
	i.target, err = by.do("put", i.value)
	return err
}

// readBy has a client read what was put, if it was.
func (i *item) readBy(by client) error {
	if i.target == "" {
		return errNever
	}
	return again(func() error {
		got, err := by.do("get", i.target)
		if err == nil && got != i.value {
			err = fmt.Errorf("%s is %q, not %q", i.target, got, i.value)
		}
		return err
	})
}

// put has a client put the next version.
func (m *mutable) put(by client) (err error) {
	m.seq++
	m.value = random(30)
	m.target, err = by.do("putm", m.seed, m.key, m.salt, fmt.Sprint(m.seq), m.value)
	return err
}

func (m *mutable) readBy(by client) error {
	if m.target == "" {
		return errNever
	}
	return again(func() error {
		got, err := by.do("getm", m.key, m.salt, m.target)
		if want := fmt.Sprintf("%d %s", m.seq, m.value); err == nil && got != want {
			err = fmt.Errorf("%s is %q, not %q", m.target, got, want)
		}
		return err
	})
}

// known has us announce a peer, and asks them alone. They may not be among the
// eight closest to an info-hash: the next try has another.
func (w *world) known() error {
	return again(func() error {
		infohash := random(20)
		announced, err := w.us[1].do("announce", infohash, w.door.port())
		if err != nil {
			return fmt.Errorf("announce: %w", err)
		}
		peers, err := w.us[2].do("knows", w.them.addr(), infohash)
		if err == nil && !slices.Contains(strings.Fields(peers), announced) {
			err = fmt.Errorf("they know %q, not %s", peers, announced)
		}
		return err
	})
}

// held has us put an item, and asks them alone; if they have no items, never.
func (w *world) held() error {
	if _, err := w.them.do("get", random(20)); errors.Is(err, errNever) {
		return err
	}
	return again(func() error {
		value := random(30)
		target, err := w.us[1].do("put", value)
		if err != nil {
			return fmt.Errorf("put: %w", err)
		}
		got, err := w.us[2].do("holds", w.them.addr(), target)
		if err == nil && got != value {
			err = fmt.Errorf("they hold %q, not %q", got, value)
		}
		return err
	})
}
