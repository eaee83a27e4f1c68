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
	ips      []string // the client's comes last
	built    string
	us       []client
	them     client
	door     *door // the peer that is announced
	outcomes []string
	faults   []string

	infohash, theirInfohash string
	seed, key               string
}

func newWorld(f foreignClient, number int, alone bool, built string) *world {
	w := &world{name: f.name, foreign: f, built: built}
	for i := range f.among + 1 {
		ip := "127.0.0.1"
		if alone {
			ip = fmt.Sprintf("10.99.%d.%d", number+1, i+1)
		}
		w.ips = append(w.ips, ip)
	}
	w.infohash, w.theirInfohash = random(20), random(20)
	return w.anew()
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
		c, err := speak(w.built+"/ours", ip)
		if err != nil {
			return err
		}
		w.us = append(w.us, c)
		if len(w.us) > 1 {
			if _, err := c.do("boot", w.us[0].addr()); err != nil {
				return fmt.Errorf("a node of ours: %w", err)
			}
		}
	}
	if w.door, err = open(w.ips[1]); err != nil {
		return err
	}
	w.them, err = w.foreign.start(w.ips[w.foreign.among], w.door)
	return err
}

func (w *world) end() {
	for _, c := range append(w.us, w.them) {
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
	{"they find a peer we announced", func(w *world) error { return w.found(w.us[1], w.them, w.infohash) }},
	{"they read an immutable item of ours", func(w *world) error { return immutable(w.us[1], w.them) }},
	{"they read a mutable item of ours", func(w *world) error { return w.mutable(w.us[1], w.them, "-", 1) }},
	{"they read its next version", func(w *world) error { return w.mutable(w.us[1], w.them, "-", 2) }},
	{"they read one with a salt", func(w *world) error { return w.mutable(w.us[1], w.them, hexed("ours"), 1) }},
	{"we find a peer they announced", func(w *world) error { return w.found(w.them, w.us[2], w.theirInfohash) }},
	{"we read an immutable item of theirs", func(w *world) error { return immutable(w.them, w.us[2]) }},
	{"we read a mutable item of theirs", func(w *world) error { return w.anew().mutable(w.them, w.us[2], "-", 1) }},
	{"we read its next version", func(w *world) error { return w.mutable(w.them, w.us[2], "-", 2) }},
	{"we read one with a salt", func(w *world) error { return w.mutable(w.them, w.us[2], hexed("theirs"), 1) }},
	{"they hold a peer we announced", func(w *world) error { return w.known(random(20)) }},
	{"they hold an immutable item of ours", func(w *world) error { return w.held() }},
}

func hexed(text string) string { return hex.EncodeToString([]byte(text)) }

// anew takes another key, so that versions begin again.
func (w *world) anew() *world {
	w.seed = random(ed25519.SeedSize)
	seed, _ := hex.DecodeString(w.seed)
	w.key = hex.EncodeToString(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	return w
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

// found has one announce a peer and the other find it.
func (w *world) found(from, to client, infohash string) error {
	announced, err := from.do("announce", infohash, w.door.port())
	if err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	return again(func() error {
		peers, err := to.do("peers", infohash)
		if err == nil && !slices.Contains(strings.Fields(peers), announced) {
			err = fmt.Errorf("found %q, not %s", peers, announced)
		}
		return err
	})
}

func immutable(from, to client) error {
	value := random(30)
	target, err := from.do("put", value)
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return again(func() error {
		got, err := to.do("get", target)
		if err == nil && got != value {
			err = fmt.Errorf("%s is %q, not %q", target, got, value)
		}
		return err
	})
}

func (w *world) mutable(from, to client, salt string, seq int) error {
	value := random(30)
	target, err := from.do("putm", w.seed, w.key, salt, fmt.Sprint(seq), value)
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return again(func() error {
		got, err := to.do("getm", w.key, salt, target)
		if want := fmt.Sprintf("%d %s", seq, value); err == nil && got != want {
			err = fmt.Errorf("%s is %q, not %q", target, got, want)
		}
		return err
	})
}

// known has us announce a peer, and asks them alone.
func (w *world) known(infohash string) error {
	return again(func() error {
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
	value := random(30)
	return again(func() error {
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
