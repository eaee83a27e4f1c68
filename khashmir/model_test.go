package khashmir_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// A network whose nodes store, find, restart, lose their disk, are unplugged,
// cut off from each other and in bad weather, in whatever order a seed says,
// against a model that knows what was stored and who said so.
//
// Always:
//   - no find returns what was not stored under its key, nor anything later
//     than a lifetime after the last store of it ended, nor a value twice;
//   - a find returns what its own node has acknowledged and not outlived;
//   - every callback keeps its promise: one at a time, the end once and last.
//
// Once things are calm (no loss, and every node that runs was told of another
// one and has looked for its neighbours since anything changed):
//   - a store is acknowledged by another node, if there is one;
//   - a find returns each value of which a holder is left: one that has
//     acknowledged it less than a lifetime ago, kept its disk, runs, is not cut
//     off from the reader, and is still one of the K closest to the key of those
//     that are not. The last condition is what replication will do away with.
func TestWhatWasAcknowledgedIsFoundAndNothingElse(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed)
				for range 4 {
					w.turmoil(25)
					w.calm()
					w.check()
				}
				w.end()
			})
		})
	}
}

const (
	worldSize = 12
	worldTTL  = 6 * time.Hour

	// slack is longer than any question takes: what was stored, or read, just
	// before a lifetime's end arrives no later than this after it.
	slack = 10 * time.Second

	// patience is longer than any lookup takes.
	patience = 10 * time.Minute
)

// world is a network and the model of it.
type world struct {
	t      *testing.T
	random *rand.Rand
	net    *transport.Network
	config khashmir.Config
	peers  []*resident

	mu     sync.Mutex // guards what callbacks touch
	facts  map[kad.ID]map[string]*fact
	trace  []string
	failed bool
}

// resident is one identity with its disk, whether or not it runs.
type resident struct {
	i      int
	id     kad.ID
	addr   netip.AddrPort
	disk   khashmir.Store
	node   *khashmir.Node // nil while it is stopped
	killed bool
	group  int
}

// fact is what the model knows of one value under one key.
type fact struct {
	pending int               // stores of it that have not ended
	ended   time.Time         // when the last one has
	acks    map[int]time.Time // who acknowledged it, and when the latest such store began
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t:      t,
		random: rand.New(rand.NewPCG(seed, 1)),
		net:    transport.NewNetwork(seed),
		facts:  make(map[kad.ID]map[string]*fact),
	}
	w.net.SetLatency(5*time.Millisecond, 40*time.Millisecond)
	w.config = khashmir.Config{ValueTTL: worldTTL, K: []int{kad.K, 4}[seed%2], Replicas: []int{kad.K, 3}[seed%2]}
	for i := range worldSize {
		r := &resident{i: i, id: kad.PublicKeyOf(key(i)).ID(), addr: w.net.Transport().Addr(), disk: khashmir.NewMemoryStore()}
		w.peers = append(w.peers, r)
		w.start(r)
	}
	w.calm()
	return w
}

func (w *world) start(r *resident) {
	config := w.config
	config.Key, config.Transport, config.Store = key(r.i), w.net.Transport(r.addr), &kept{r.disk}
	r.node = open(w.t, config)
}

func (w *world) stop(r *resident) {
	if err := r.node.Close(); err != nil {
		w.fail("%d closed with %v", r.i, err)
	}
	r.node = nil
}

// turmoil is that many things that happen, some of them at once.
func (w *world) turmoil(events int) {
	for range events {
		w.happen()
		if w.random.IntN(3) > 0 {
			w.wait(time.Duration(w.random.ExpFloat64() * float64(10*time.Minute)))
		}
	}
}

func (w *world) happen() {
	r := w.peers[w.random.IntN(worldSize)]
	switch p := w.random.IntN(100); {
	case p < 30:
		w.store(r, w.aKey(), w.aValue(), nil)
	case p < 60:
		w.find(r, w.aKey(), nil)
	case p < 65:
		w.net.SetLoss(0.3 * w.random.Float64())
	case p < 72:
		w.partition(1 + w.random.IntN(3))
	case p < 84:
		w.plug(r, r.killed)
	case r.node == nil:
		w.note("%d starts", r.i)
		w.start(r)
	case p < 97:
		w.note("%d stops", r.i)
		w.stop(r)
	default:
		w.wipe(r)
	}
}

func (w *world) aKey() kad.ID   { return kad.HashID([]byte{byte(w.random.IntN(5))}) }
func (w *world) aValue() string { return fmt.Sprintf("value %d", w.random.IntN(4)) }

func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (w *world) plug(r *resident, in bool) {
	w.note("%d plugged in: %v", r.i, in)
	if r.killed = !in; in {
		w.net.Revive(r.addr)
	} else {
		w.net.Kill(r.addr)
	}
}

func (w *world) partition(groups int) {
	split := make([][]netip.AddrPort, groups)
	for _, r := range w.peers {
		r.group = w.random.IntN(groups)
		split[r.group] = append(split[r.group], r.addr)
	}
	w.net.Partition(split...)
	w.note("%d groups: %v", groups, split)
}

// wipe is a node that loses its disk and begins again as the same identity.
func (w *world) wipe(r *resident) {
	w.note("%d loses its disk", r.i)
	w.stop(r)
	r.disk = khashmir.NewMemoryStore()
	w.wait(slack) // until nothing it had promised is on its way any more
	w.mu.Lock()
	for _, facts := range w.facts {
		for _, f := range facts {
			delete(f.acks, r.i)
		}
	}
	w.mu.Unlock()
	w.start(r)
}

// store begins a store and goes on; then is given its outcome. Those that
// nobody waits for are called off at times.
func (w *world) store(r *resident, key kad.ID, value string, then func(khashmir.Result, error)) {
	if r.node == nil {
		return
	}
	f := w.begin(key, value)
	began, fired := time.Now(), 0
	ctx := w.t.Context()
	if then == nil {
		ctx = w.someContext()
	}
	w.note("%d stores %q under %v", r.i, value, key)
	r.node.StoreValueForKey(ctx, key, []byte(value), func(got khashmir.Result, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		f.pending--
		f.ended = time.Now()
		if fired++; fired > 1 {
			w.failLocked("a store's callback fired %d times", fired)
		}
		w.noteLocked("%d has stored %q under %v at %v, not at %v: %v", r.i, value, key, got.Stored, got.Refused, err)
		for _, c := range got.Stored {
			i := slices.IndexFunc(w.peers, func(r *resident) bool { return r.id == c.ID })
			if f.acks[i].Before(began) {
				f.acks[i] = began
			}
		}
		if then != nil {
			then(got, err)
		}
	})
	w.mustEnd(began, func() bool { return fired > 0 })
}

// begin is the model's fact of a value that is about to be stored.
func (w *world) begin(key kad.ID, value string) *fact {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.facts[key] == nil {
		w.facts[key] = make(map[string]*fact)
	}
	f := w.facts[key][value]
	if f == nil {
		f = &fact{acks: make(map[int]time.Time)}
		w.facts[key][value] = f
	}
	f.pending++
	return f
}

// someContext ends early at times.
func (w *world) someContext() context.Context {
	if w.random.IntN(8) > 0 {
		return w.t.Context()
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Duration(w.random.IntN(300))*time.Millisecond)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// find begins a find and goes on; then is given what was found, at the end.
func (w *world) find(r *resident, key kad.ID, then func(found map[string]bool, err error)) {
	if r.node == nil {
		return
	}
	began, inside, ends := time.Now(), 0, 0
	found, own := make(map[string]bool), w.heldBy(key, r)
	ctx := w.t.Context()
	if then == nil {
		ctx = w.someContext()
	}
	w.note("%d looks for %v", r.i, key)
	r.node.ValueForKey(ctx, key, func(values [][]byte, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if inside++; inside > 1 || ends > 0 || (len(values) > 0 && err != nil) {
			w.failLocked("callback of %d values and %v: %d inside, %d ends", len(values), err, inside, ends)
		}
		defer func() { inside-- }()
		for _, v := range values {
			w.judge(key, string(v), found[string(v)])
			found[string(v)] = true
		}
		if len(values) > 0 {
			return
		}
		ends++
		w.noteLocked("%d has found %d under %v: %v", r.i, len(found), key, err)
		for _, value := range own {
			if !found[value] {
				w.failLocked("%d holds %q under %v and did not find it: %v", r.i, value, key, err)
			}
		}
		if then != nil {
			then(found, err)
		}
	})
	w.mustEnd(began, func() bool { return ends > 0 })
}

// judge is about a value that a find returned now.
func (w *world) judge(key kad.ID, value string, again bool) {
	f := w.facts[key][value]
	switch {
	case again:
		w.failLocked("%q under %v twice", value, key)
	case f == nil:
		w.failLocked("%q under %v was never stored", value, key)
	case f.pending == 0 && time.Since(f.ended) > worldTTL+slack:
		w.failLocked("%q under %v, %v after the last store of it", value, key, time.Since(f.ended))
	}
}

// heldBy is what r alone can answer for.
func (w *world) heldBy(key kad.ID, r *resident) (values []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for value, f := range w.facts[key] {
		if began, ok := f.acks[r.i]; ok && time.Since(began) < worldTTL-slack && w.has(r, key, value) {
			values = append(values, value)
		}
	}
	return values
}

// has looks at the disk: a holder may have let go of what all others hold whose
// place it is. That none is let go too early is what the set test is about.
func (w *world) has(r *resident, key kad.ID, value string) bool {
	page, _, err := r.disk.Entries(key, 0, 1<<20, time.Now())
	if err != nil {
		w.failLocked("the disk of %d: %v", r.i, err)
	}
	return slices.ContainsFunc(page, func(e kad.Entry) bool { return string(e.Value) == value })
}

// mustEnd fails the test if a call that began then goes on for too long.
func (w *world) mustEnd(began time.Time, ended func() bool) {
	time.AfterFunc(patience, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !ended() {
			w.failLocked("a call of %v goes on", began)
		}
	})
}

// calm ends the bad weather, lets every node that runs hear of another one
// again, and waits until the tables are in order.
func (w *world) calm() {
	w.net.SetLoss(0)
	w.wait(time.Minute)
	w.note("calm")
	for range 3 {
		for _, r := range w.peers {
			near := w.inReach(r)
			if len(near) < 2 {
				continue
			}
			if near[0] != r {
				r.node.AddContact(w.t.Context(), near[0].addr.String())
			} else {
				r.node.AddContact(w.t.Context(), near[1].addr.String())
			}
			r.node.FindCloseNodes(w.t.Context())
		}
	}
	w.wait(time.Minute)
}

// inReach is those who run and can be reached by r, itself among them; nobody
// if r does not run.
func (w *world) inReach(r *resident) (near []*resident) {
	if r.node == nil {
		return nil
	}
	for _, other := range w.peers {
		if other == r || (other.node != nil && !other.killed && !r.killed && other.group == r.group) {
			near = append(near, other)
		}
	}
	return near
}

// check stores and finds in calm weather.
func (w *world) check() {
	for _, r := range w.peers {
		near := w.inReach(r)
		w.store(r, w.aKey(), w.aValue(), func(result khashmir.Result, err error) {
			if len(near) > 1 && err != nil {
				w.failLocked("%d, with %d in reach, stored at %v, not at %v: %v", r.i, len(near), result.Stored, result.Refused, err)
			}
		})
		w.wait(30 * time.Second)
	}
	for k := range 5 {
		key := kad.HashID([]byte{byte(k)})
		for _, r := range w.peers {
			near := w.inReach(r)
			w.find(r, key, func(found map[string]bool, err error) { w.mustHave(r, near, key, found, err) })
			w.wait(30 * time.Second)
		}
	}
}

// mustHave: r, that has near in reach, found this under key.
func (w *world) mustHave(r *resident, near []*resident, key kad.ID, found map[string]bool, err error) {
	if len(near) > 1 && err != nil {
		w.failLocked("%d, with %d in reach, looked for %v: %v", r.i, len(near), key, err)
	}
	slices.SortFunc(near, func(a, b *resident) int {
		return key.CompareDistance(a.id, b.id)
	})
	for _, holder := range near[:min(len(near), w.config.K)] {
		for value, f := range w.facts[key] {
			began, ok := f.acks[holder.i]
			if ok && time.Since(began) < worldTTL-time.Minute && !found[value] && w.has(holder, key, value) {
				w.failLocked("%d did not find %q under %v, which %d holds: %v", r.i, value, key, holder.i, err)
			}
		}
	}
}

// end closes what still runs; by then every call has ended.
func (w *world) end() {
	for _, r := range w.peers {
		if r.node != nil {
			w.stop(r)
		}
	}
	w.wait(2 * patience)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed {
		w.t.Logf("what happened:\n%s", strings.Join(w.trace, "\n"))
	}
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked(format, args...)
}

func (w *world) noteLocked(format string, args ...any) {
	w.trace = append(w.trace, time.Now().Format("02 15:04:05.000 ")+fmt.Sprintf(format, args...))
}

func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(format, args...)
}

func (w *world) failLocked(format string, args ...any) {
	w.failed = true
	w.noteLocked("FAILED: "+format, args...)
	w.t.Errorf(format, args...)
}
