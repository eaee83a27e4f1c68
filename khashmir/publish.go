package khashmir

import (
	"bytes"
	"context"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// Result says what became of a store.
type Result struct {
	Key       ID
	Stored    []Contact // who has committed the value, this node among them if it is one of the closest
	Refused   []Refusal // who was asked and has not
	Questions int       // asked in all
	Hops      int       // how many questions deep the closest holder was learned
	GoesOn    bool      // Prompt: more is being asked, of which nobody is told
}

// Refusal is one node that did not store a value, and why.
type Refusal struct {
	Contact Contact
	Err     error // ErrTooLarge, ErrFull, ErrTimeout, ...
}

// StoreValueForKey stores value under key at the Replicas nodes closest to it
// and then runs callback, exactly once, however it ends. A value already
// stored there is renewed; others under the key are left alone.
//
// The value lives for Config.ValueTTL, or as long as the option TTL says.
//
// The error is nil when another node has committed the value, and when this
// node is the only one whose place it is. It returns at once; value may be
// reused.
func (n *Node) StoreValueForKey(ctx context.Context, key ID, value []byte, callback func(Result, error), options ...StoreOption) {
	n.publish(ctx, key, bytes.Clone(value), n.storing(options), callback)
}

// publish is StoreValueForKey; value is not touched any more.
func (n *Node) publish(ctx context.Context, key kad.ID, value []byte, s storing, callback func(Result, error)) {
	p := &publication{storing: s, callback: callback, tokens: make(map[kad.ID]string), begun: make(map[kad.ID]bool)}
	p.call = call{
		query: krpc.Query{Method: krpc.FindNode, Target: key},
		reply: p.replied,
		found: p.found,
		ended: p.ended,
	}
	p.result.Key = key
	err := s.check(n.config, value)
	if err == nil {
		p.entry = n.sign(key, value, s)
	}
	if s.removes {
		p.query.Method, p.patient = krpc.FindValue, true // to see who else holds it
	}
	n.mu.Lock()
	defer n.leave()
	if err != nil {
		p.node = n
		p.end(err)
		return
	}
	n.begin(ctx, &p.call)
}

// sign makes the entry that s wants for value.
func (n *Node) sign(key kad.ID, value []byte, s storing) kad.Entry {
	e := kad.Entry{Value: value, TTL: s.ttl, Seq: n.nextSeq()}
	if s.removes {
		hash := e.Hash()
		e.Value, e.Removed = hash[:], true
	}
	e.Sign(key, n.key)
	return e
}

// nextSeq is the clock's milliseconds, or one more than last time.
func (n *Node) nextSeq() int64 {
	for {
		last := n.seq.Load()
		next := max(n.clock.Now().UnixMilli(), last+1)
		if n.seq.CompareAndSwap(last, next) {
			return next
		}
	}
}

// Store is StoreValueForKey for those who prefer to block.
func (n *Node) Store(ctx context.Context, key ID, value []byte, options ...StoreOption) (Result, error) {
	return wait(func(callback func(Result, error)) { n.StoreValueForKey(ctx, key, value, callback, options...) })
}

// wait is for those who prefer to block.
func wait(begin func(callback func(Result, error))) (Result, error) {
	type outcome struct {
		result Result
		err    error
	}
	got := make(chan outcome, 1)
	begin(func(r Result, err error) { got <- outcome{r, err} })
	o := <-got
	return o.result, o.err
}
