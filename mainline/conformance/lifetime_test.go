package conformance

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/khashmir/kad/mainline"
)

// clock is the real one, set ahead by hand.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

func (c *clock) set(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

// timed opens a node of ours whose clock is at our hand.
func timed(t *testing.T) (node, *clock) {
	t.Helper()
	onlyOurs(t)
	c := new(clock)
	return node{ours(t, mainline.Config{Clock: c}).Addr()}, c
}

func TestHowLongTokensDo(t *testing.T) {
	target, now := timed(t)
	p := dial(t, target)
	infohash := random(20)
	given := p.token(infohash)
	for _, c := range []struct {
		rule  string
		after time.Duration
		code  int
	}{
		{"BEP 5: a token does at once", 0, 0},
		{"BEP 5: a token does after a minute", time.Minute, 0},
		{"BEP 5: a token does after a change of secrets", 5*time.Minute - time.Second, 0},
		{"BEP 5: a token of half an hour ago is refused", 30 * time.Minute, 203},
		{"BEP 5: a token of a day ago is refused", 24 * time.Hour, 203},
	} {
		t.Run(c.rule, func(t *testing.T) {
			now.set(c.after)
			// The node may take the time when it has something to do, and tokens
			// may change with that: so others ask in between.
			dial(t, target).token(infohash)
			m := p.ask(query("announce_peer", "id", me, "info_hash", infohash, "port", 6881, "token", given))
			if m.code != c.code {
				t.Errorf("answered %q", m.raw)
			}
		})
	}
}

func TestHowLongPeersLive(t *testing.T) {
	target, now := timed(t)
	p := dial(t, target)
	once, again := random(20), random(20)
	p.announce(once, 1)
	p.announce(again, 2)
	now.set(20 * time.Minute)
	p.announce(again, 2)
	for _, c := range []struct {
		rule        string
		after       time.Duration
		once, again int
	}{
		{"after 25 minutes both are there", 25 * time.Minute, 1, 1},
		{"who announces again lives on", 45 * time.Minute, -1, 1},
		{"after two hours nobody is", 2 * time.Hour, 0, 0},
	} {
		t.Run("BEP 5: "+c.rule, func(t *testing.T) {
			now.set(c.after)
			if found := p.peers(once); c.once >= 0 && len(found) != c.once {
				t.Errorf("announced once: %d peers", len(found))
			}
			if found := p.peers(again); len(found) != c.again {
				t.Errorf("announced twice: %d peers", len(found))
			}
		})
	}
	t.Run("BEP 33: the filters forget too", func(t *testing.T) {
		m := p.ask(query("get_peers", "id", me, "info_hash", once, "scrape", 1))
		for _, key := range []string{"BFsd", "BFpe"} {
			if bits, _ := m.r[key].(string); bits != "" && bits != string(make([]byte, 256)) {
				t.Errorf("%s is %x", key, bits)
			}
		}
	})
}

func TestHowLongItemsLive(t *testing.T) {
	target, now := timed(t)
	p := dial(t, target)
	once, again, s := encode("put once"), encode("put again"), newSigner("")
	p.put(once)
	p.put(again)
	p.write(s, 1, once)
	now.set(100 * time.Minute)
	p.put(again)
	if m := p.write(s, 1, once); m.y != "r" {
		t.Errorf("BEP 44: the same version again is answered %q", m.raw)
	}
	t.Run("BEP 44: an item lives for two hours", func(t *testing.T) {
		now.set(115 * time.Minute)
		if m := p.item(sha(string(once))); m.r["v"] == nil {
			t.Errorf("the item is %q", m.raw)
		}
	})
	t.Run("BEP 44: an item that is put again lives on", func(t *testing.T) {
		now.set(200 * time.Minute)
		if m := p.item(sha(string(again))); m.r["v"] == nil {
			t.Errorf("the item is %q", m.raw)
		}
		if err := s.holds(p, 1, once); err != nil {
			t.Errorf("the same version: %v", err)
		}
	})
	t.Run("BEP 44: after a day nothing is left", func(t *testing.T) {
		now.set(24 * time.Hour)
		if m := p.item(sha(string(again))); m.r["v"] != nil {
			t.Errorf("the item is %q", m.raw)
		}
		if err := s.empty(p); err != nil {
			t.Error(err)
		}
	})
	t.Run("BEP 44: where an item has expired, an earlier version may come", func(t *testing.T) {
		if m := p.write(s, 0, again); m.y != "r" {
			t.Errorf("answered %q", m.raw)
		}
	})
}
