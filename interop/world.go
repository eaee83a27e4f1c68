package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
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
