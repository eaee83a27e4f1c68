package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
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

// world is one foreign client among nodes of ours.
type world struct {
	name     string
	foreign  foreignClient
	ips      []string // the client's is the last but one, a latecomer's the last
	built    string
	us       []client
	them     client
	late     client // a node of ours that comes after they have stored what they store
	door     *door  // the peer that is announced
	outcomes []string
	faults   []string

	// What was left with our nodes before the client came: it cannot hold it
	// itself, and to read it has to ask us.
	announced       string
	infohash        string
	left            item
	plain, salted   mutable
	theirInfohash   string
	theirs          item
	theirPlain      mutable
	theirSalted     mutable
	theirsAnnounced string
}

// item is what one has put and another should get.
type item struct{ target, value string }

// mutable is the key of an item, and what was put last.
type mutable struct {
	item
	seed, key, salt string
	seq             int
}

func newWorld(f foreignClient, number int, alone bool, built string) *world {
	w := &world{name: f.name, foreign: f, built: built}
	for i := range f.among + 2 {
		ip := "127.0.0.1"
		if alone {
			ip = fmt.Sprintf("10.99.%d.%d", number+1, i+1)
		}
		w.ips = append(w.ips, ip)
	}
	w.infohash, w.theirInfohash = random(20), random(20)
	w.plain, w.salted = newMutable("-"), newMutable(random(8))
	w.theirPlain, w.theirSalted = newMutable("-"), newMutable(random(8))
	return w
}

func newMutable(salt string) mutable {
	seed := random(ed25519.SeedSize)
	b, _ := hex.DecodeString(seed)
	public := ed25519.NewKeyFromSeed(b).Public().(ed25519.PublicKey)
	return mutable{seed: seed, key: hex.EncodeToString(public), salt: salt}
}

func random(size int) string {
	b := make([]byte, size)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// run starts everybody and takes the steps, until one cannot be.
func (w *world) run() {
	defer w.end()
	w.outcomes = make([]string, len(steps))
	if err := w.begin(); err != nil {
		w.faults = append(w.faults, "starting: "+err.Error())
		return
	}
	for i, step := range steps {
		started := time.Now()
		err := step.take(w)
		switch {
		case errors.Is(err, errNever):
			w.outcomes[i] = "-"
		case err != nil:
			w.outcomes[i] = "FAILED"
			w.faults = append(w.faults, step.name+": "+err.Error())
		default:
			w.outcomes[i] = fmt.Sprintf("%.1f s", time.Since(started).Seconds())
		}
	}
}

func (w *world) begin() (err error) {
	for _, ip := range w.ips[:w.foreign.among] {
		c, err := w.ours(ip)
		if err != nil {
			return err
		}
		w.us = append(w.us, c)
	}
	if w.door, err = open(w.ips[1]); err != nil {
		return err
	}
	if err := w.leave(); err != nil {
		return fmt.Errorf("among our own: %w", err)
	}
	w.them, err = w.foreign.start(w.ips[w.foreign.among], w.door)
	return err
}

// ours starts a node of ours that knows the first one.
func (w *world) ours(ip string) (client, error) {
	c, err := speak(w.built+"/ours", ip)
	if err != nil {
		return nil, err
	}
	if len(w.us) > 0 {
		if _, err := c.do("boot", w.us[0].addr()); err != nil {
			return c, fmt.Errorf("a node of ours: %w", err)
		}
	}
	return c, nil
}

// leave has one of ours announce and put what the client shall find.
func (w *world) leave() (err error) {
	if w.announced, err = w.us[1].do("announce", w.infohash, w.door.port()); err != nil {
		return err
	}
	if err := w.left.put(w.us[1]); err != nil {
		return err
	}
	if err := w.plain.put(w.us[1]); err != nil {
		return err
	}
	return w.salted.put(w.us[1])
}

func (w *world) end() {
	for _, c := range append(w.us, w.them, w.late) {
		if c != nil {
			c.close()
		}
	}
	if w.door != nil {
		w.door.close()
	}
}

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
