package khashmir_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
)

// find is what a search that takes any value comes to.
func find(t *testing.T, node *khashmir.Node, key kad.ID) string {
	t.Helper()
	for value, err := range node.Values(t.Context(), key, khashmir.Enough(1)) {
		if err != nil {
			t.Fatal(err)
		}
		return string(value)
	}
	return ""
}

// acquaint has every node see lookups, so that it knows how many there are.
func (w *town) acquaint() {
	w.t.Helper()
	for i, node := range w.nodes {
		for j := range 4 {
			if _, err := node.FindNode(w.t.Context(), kad.HashID(fmt.Append(nil, "somewhere", i, j))); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func (w *town) cached() (n int) {
	w.t.Helper()
	for _, node := range w.nodes {
		s, err := node.Stats()
		if err != nil {
			w.t.Fatal(err)
		}
		n += s.Cached
	}
	return n
}

func TestWhatIsWantedIsCachedOnTheWayAndForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a town with a value
		w := newTown(t, 300, func(c *khashmir.Config) { c.WideBuckets = -1 })
		w.acquaint()
		key, value := w.store(w.nodes[7], 1)

		// when everybody wants one value of it
		for i, node := range w.nodes {
			if got := find(t, node, key); got != value {
				t.Fatalf("node %d found %q", i, got)
			}
		}

		// then some who are not its holders keep a copy, and no more than may
		synctest.Wait()
		copies := w.cached()
		if copies == 0 || copies > len(w.nodes)/10 {
			t.Errorf("%d of %d nodes have cached it", copies, len(w.nodes))
		}
		for _, node := range w.nodes {
			if s, _ := node.Stats(); s.Cached > 0 && s.Store.Entries > 0 {
				t.Error("a holder has cached what it holds")
			}
		}

		// and they are enough, even when all holders are dead
		for _, holder := range w.holders(key) {
			w.leaves(holder, false)
		}
		found := 0
		for _, node := range w.nodes {
			if find(t, node, key) == value {
				found++
			}
		}
		if found == 0 {
			t.Error("nobody finds a copy")
		}

		// who wants all there are is not content with copies,
		for _, node := range w.nodes {
			if got := values(t, node, key); len(got) > 0 {
				t.Fatalf("a whole search has found %q, and nobody holds it", got)
			}
		}

		// and after a while they are gone.
		time.Sleep(kad.CacheTTL)
		for _, node := range w.nodes {
			if got := find(t, node, key); got != "" {
				t.Fatalf("%q is still cached", got)
			}
		}
	})
}

func TestTheCacheTakesNothingForgedFarAwayOrRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 60, func(c *khashmir.Config) { c.WideBuckets = -1 })
		w.acquaint()
		node := w.nodes[30]
		stranger := w.net.Transport()
		if err := stranger.Serve(key(1000), func(kad.Contact, krpc.Query) krpc.Reply { return krpc.Reply{} }); err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		near, far := node.ID().Flip(159), node.ID().Flip(0)
		offer := func(target kad.ID, change func(*krpc.Entry)) (code int) {
			e := kad.Entry{Value: []byte("wanted"), TTL: time.Hour, Seq: 1}
			e.Sign(target, key(2000))
			offered := krpc.Entry{Value: e.Value, Publisher: e.Publisher, TTL: e.TTL, Seq: e.Seq, Signature: e.Signature}
			change(&offered)
			token := exchange(t, stranger, node.Contact(), krpc.Query{Method: krpc.FindValue, Target: target, Any: true}).Token
			r := exchange(t, stranger, node.Contact(), krpc.Query{Method: krpc.StoreValue, Target: target, Token: token, Entry: offered, Cache: true})
			if r.Error != nil {
				return r.Error.Code
			}
			return 0
		}
		shows := func(target kad.ID) int {
			return len(exchange(t, stranger, node.Contact(), krpc.Query{Method: krpc.FindValue, Target: target, Any: true}).Entries)
		}
		none := func(*krpc.Entry) {}

		for name, c := range map[string]struct {
			target kad.ID
			change func(*krpc.Entry)
			want   int
		}{
			"forged":     {near, func(e *krpc.Entry) { e.Value = []byte("forged") }, krpc.CodeSignature},
			"unsigned":   {near, func(e *krpc.Entry) { e.Signature = kad.Signature{} }, krpc.CodeSignature},
			"far away":   {far, none, krpc.CodeFull},
			"expired":    {near, func(e *krpc.Entry) { e.Age = time.Hour }, krpc.CodeExpired},
			"too large":  {near, func(e *krpc.Entry) { e.Value = bytes.Repeat([]byte("x"), kad.MaxValueSize+1) }, krpc.CodeTooLarge},
			"for longer": {near, func(e *krpc.Entry) { e.TTL = 2 * kad.MaxValueTTL }, krpc.CodeLifetime},
		} {
			if got := offer(c.target, c.change); got != c.want || shows(c.target) != 0 {
				t.Errorf("%s: answered with %d, want %d; %d entries shown", name, got, c.want, shows(c.target))
			}
		}
		if got := offer(near, none); got != 0 || shows(near) != 1 {
			t.Fatalf("a good one: %d, %d entries shown", got, shows(near))
		}
		if s, err := node.Stats(); err != nil || s.Cached != 1 || s.Store.Entries != 0 {
			t.Errorf("it is not in the cache alone: %+v, %v", s, err)
		}
		// and the cache is bounded, however much is offered
		for i := range 3 * kad.CacheBytes / kad.MaxValueSize {
			target := node.ID().Flip(158 - i)
			offer(target, func(e *krpc.Entry) {
				big := kad.Entry{Value: bytes.Repeat([]byte("x"), kad.MaxValueSize), TTL: time.Hour, Seq: 1}
				big.Sign(target, key(2000))
				e.Value, e.Signature = big.Value, big.Signature
			})
		}
		if s, _ := node.Stats(); s.Cached == 0 || s.Cached > kad.CacheBytes/kad.MaxValueSize {
			t.Errorf("%d values of %d bytes are cached, of %d in all", s.Cached, kad.MaxValueSize, kad.CacheBytes)
		}
		if shows(near) != 0 {
			t.Error("the one not used for longest is still there")
		}
	})
}
