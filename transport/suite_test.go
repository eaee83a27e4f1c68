package transport_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// port is what the node asks of a transport.
type port interface {
	Serve(key ed25519.PrivateKey, handle func(from kad.Contact, q krpc.Query) krpc.Reply) error
	Ask(to kad.Contact, q krpc.Query, then func(krpc.Reply, error))
	Addr() netip.AddrPort
	Stats() transport.Stats
	Close() error
}

// makers make the ends of one network; the suite runs over each.
var makers = map[string]func() func() port{
	"mem": func() func() port {
		network := transport.NewNetwork(1)
		return func() port { return network.Transport() }
	},
	"quic": func() func() port {
		return func() port { return transport.NewQUIC(transport.QUICConfig{Listen: loopback}) }
	},
	"quic, streams only": func() func() port {
		return func() port { return transport.NewQUIC(transport.QUICConfig{StreamsOnly: true, Listen: loopback}) }
	},
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// end is a transport that serves, and the contact it can be asked as.
type end struct {
	port
	kad.Contact
}

func (e end) Addr() netip.AddrPort { return e.port.Addr() }

// answer is what then was given.
type answer struct {
	krpc.Reply
	err error
}

func TestEveryTransport(t *testing.T) {
	t.Parallel()
	scenarios := map[string]func(t *testing.T, dial func() port){
		"a question is answered":                        aQuestionIsAnswered,
		"both ends prove who they are":                  bothEndsProveWhoTheyAre,
		"replies whose id is not the one asked":         aReplyOfAnotherIDIsNotBelieved,
		"a contradictory contact is nobody":             aContradictoryContactIsNobody,
		"whoever is there may answer":                   whoeverIsThereMayAnswer,
		"a refusal is an answer":                        aRefusalIsAnAnswer,
		"a dead address is an error":                    aDeadAddressIsAnError,
		"a contact without address is an error":         aContactWithoutAddressIsAnError,
		"two hundred at once":                           twoHundredAtOnce,
		"transaction ids wrapped at 256":                aThousandQuestionsGetTheirOwnAnswer,
		"then waits for Ask":                            thenWaitsForAsk,
		"a blocked handler is a time-out":               aBlockedHandlerIsATimeout,
		"close ends what is in flight":                  closeEndsWhatIsInFlight,
		"a question after close, or before serve, ends": aQuestionToAClosedTransportEnds,
		"large values travel both ways":                 largeValuesTravelBothWays,
		"nothing is shared between the ends":            nothingIsSharedBetweenTheEnds,
	}
	for name, network := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for title, scenario := range scenarios {
				t.Run(title, func(t *testing.T) {
					t.Parallel()
					scenario(t, network())
				})
			}
		})
	}
}

func aQuestionIsAnswered(t *testing.T, dial func() port) {
	asker, answerer := open(t, dial, silent), open(t, dial, echo)

	got := ask(t, asker, answerer.Contact, question("ring"))

	if got.err != nil || got.Token != "ring" {
		t.Fatalf("got %+v", got)
	}
	if asked, answered := asker.Stats().Asked, answerer.Stats().Answered; asked != 1 || answered != 1 {
		t.Errorf("counted %d asked and %d answered, want 1 and 1", asked, answered)
	}
}

func bothEndsProveWhoTheyAre(t *testing.T, dial func() port) {
	seen := make(chan kad.Contact, 1)
	asker := open(t, dial, silent)
	answerer := open(t, dial, func(from kad.Contact, q krpc.Query) krpc.Reply {
		seen <- from
		return krpc.Reply{Token: q.Token}
	})

	got := ask(t, asker, answerer.Contact, question("x"))

	if got.err != nil {
		t.Fatal(got.err)
	}
	if from := <-seen; from != asker.Contact {
		t.Errorf("the handler saw %v with key %v, want %v with key %v", from, from.Key, asker.Contact, asker.Key)
	}
}

// The original believed any reply that came back under the right transaction.
func aReplyOfAnotherIDIsNotBelieved(t *testing.T, dial func() port) {
	asker, answerer, other := open(t, dial, silent), open(t, dial, echo), open(t, dial, echo)
	impostor := kad.NewContact(other.Key, answerer.Contact.Addr())
	impostorByID := kad.Contact{ID: other.ID, V4: answerer.V4, V6: answerer.V6}

	for _, to := range []kad.Contact{impostor, impostorByID} {
		if got := ask(t, asker, to, question("x")); !errors.Is(got.err, transport.ErrWrongID) {
			t.Errorf("asking %v: got %v, want ErrWrongID", to, got.err)
		}
	}
	// A connection to the true one changes nothing about it.
	if got := ask(t, asker, answerer.Contact, question("x")); got.err != nil {
		t.Error(got.err)
	}
	if got := ask(t, asker, impostor, question("x")); !errors.Is(got.err, transport.ErrWrongID) {
		t.Errorf("with a connection open: got %v, want ErrWrongID", got.err)
	}
}

func aContradictoryContactIsNobody(t *testing.T, dial func() port) {
	asker, answerer := open(t, dial, silent), open(t, dial, echo)
	to := answerer.Contact
	to.ID = to.ID.Flip(7)

	if got := ask(t, asker, to, krpc.Query{Method: krpc.Ping}); !errors.Is(got.err, transport.ErrWrongID) {
		t.Errorf("got %v, want ErrWrongID", got.err)
	}
}

func whoeverIsThereMayAnswer(t *testing.T, dial func() port) {
	asker, answerer := open(t, dial, silent), open(t, dial, echo)
	to := kad.NewContact(kad.PublicKey{}, answerer.Contact.Addr())

	if got := ask(t, asker, to, question("who")); got.err != nil || got.Token != "who" {
		t.Errorf("got %+v", got)
	}
}

func aRefusalIsAnAnswer(t *testing.T, dial func() port) {
	refusal := krpc.Error{Code: krpc.CodeFull, Message: "no room"}
	asker := open(t, dial, silent)
	answerer := open(t, dial, func(kad.Contact, krpc.Query) krpc.Reply { return krpc.Reply{Error: &refusal} })

	got := ask(t, asker, answerer.Contact, question("x"))

	if got.err != nil || got.Error == nil || *got.Error != refusal {
		t.Errorf("got %+v, want the refusal and no error", got)
	}
}

func aDeadAddressIsAnError(t *testing.T, dial func() port) {
	asker, dead := open(t, dial, silent), open(t, dial, echo)
	dead.Close()
	start := time.Now()

	got := ask(t, asker, dead.Contact, krpc.Query{Method: krpc.Ping})

	// The silence after a datagram does not tell which of the two it is.
	if !errors.Is(got.err, transport.ErrUnreachable) && !errors.Is(got.err, transport.ErrTimeout) {
		t.Errorf("got %v, want ErrUnreachable or ErrTimeout", got.err)
	}
	if took := time.Since(start); took > kad.DialTimeout+kad.FirstTimeout+time.Second {
		t.Errorf("took %v", took)
	}
	if strings.Contains(got.err.Error(), "quic") || strings.Contains(got.err.Error(), "handshake") {
		t.Errorf("%q is not a sentence for users", got.err)
	}
}

func aContactWithoutAddressIsAnError(t *testing.T, dial func() port) {
	asker, other := open(t, dial, silent), open(t, dial, silent)

	if got := ask(t, asker, kad.NewContact(other.Key), krpc.Query{Method: krpc.Ping}); !errors.Is(got.err, transport.ErrUnreachable) {
		t.Errorf("got %v, want ErrUnreachable", got.err)
	}
}

func twoHundredAtOnce(t *testing.T, dial func() port) {
	asker := open(t, dial, silent)
	var answerers []end
	for range 5 {
		answerers = append(answerers, open(t, dial, echo))
	}
	eachGetsItsOwn(t, 200, func(i int) (end, end) { return asker, answerers[i%len(answerers)] })
}

// The original's transaction ids were one byte.
func aThousandQuestionsGetTheirOwnAnswer(t *testing.T, dial func() port) {
	asker, answerer := open(t, dial, silent), open(t, dial, echo)
	eachGetsItsOwn(t, 1000, func(int) (end, end) { return asker, answerer })
}

// eachGetsItsOwn puts n numbered questions at once and checks every answer. One
// that a busy machine was too late for is put again, twice at the most.
func eachGetsItsOwn(t *testing.T, n int, pair func(i int) (asker, answerer end)) {
	t.Helper()
	got := make([]answer, n)
	var all sync.WaitGroup
	for i := range n {
		all.Add(1)
		asker, answerer := pair(i)
		left := 2
		var then func(r krpc.Reply, err error)
		then = func(r krpc.Reply, err error) {
			if late := errors.Is(err, transport.ErrTimeout) || errors.Is(err, transport.ErrUnreachable); late && left > 0 {
				left--
				asker.Ask(answerer.Contact, question(fmt.Sprint("n", i)), then)
				return
			}
			got[i] = answer{r, err}
			all.Done()
		}
		asker.Ask(answerer.Contact, question(fmt.Sprint("n", i)), then)
	}
	all.Wait()
	for i, a := range got {
		if a.err != nil || a.Token != fmt.Sprint("n", i) {
			t.Fatalf("question %d was answered %q, %v", i, a.Token, a.err)
		}
	}
}

// A caller asks with its lock held, and takes the same lock in then.
func thenWaitsForAsk(t *testing.T, dial func() port) {
	asker, answerer := open(t, dial, silent), open(t, dial, echo)
	nowhere := kad.NewContact(answerer.Key)
	closed := open(t, dial, silent)
	closed.Close()

	var lock sync.Mutex
	var all sync.WaitGroup
	for _, from := range []end{asker, closed} {
		for _, to := range []kad.Contact{answerer.Contact, nowhere, kad.NewContact(asker.Key, answerer.Contact.Addr())} {
			all.Add(1)
			lock.Lock()
			from.Ask(to, question("x"), func(krpc.Reply, error) {
				lock.Lock()
				defer lock.Unlock()
				all.Done()
			})
			lock.Unlock()
		}
	}
	all.Wait()
}

func aBlockedHandlerIsATimeout(t *testing.T, dial func() port) {
	release := make(chan struct{})
	asker := open(t, dial, silent)
	answerer := open(t, dial, func(kad.Contact, krpc.Query) krpc.Reply { <-release; return krpc.Reply{} })
	defer close(release)

	if got := ask(t, asker, answerer.Contact, krpc.Query{Method: krpc.Ping}); !errors.Is(got.err, transport.ErrTimeout) {
		t.Errorf("got %v, want ErrTimeout", got.err)
	}
}

func closeEndsWhatIsInFlight(t *testing.T, dial func() port) {
	const n = 50
	release, arrived := make(chan struct{}), make(chan struct{}, n)
	asker := open(t, dial, silent)
	answerer := open(t, dial, func(kad.Contact, krpc.Query) krpc.Reply {
		arrived <- struct{}{}
		<-release
		return krpc.Reply{}
	})
	var ended, closed atomic.Int32
	for range n {
		asker.Ask(answerer.Contact, krpc.Query{Method: krpc.Ping}, func(_ krpc.Reply, err error) {
			for range 1000 { // Close waits for a then that takes its time
				runtime.Gosched()
			}
			ended.Add(1)
			if errors.Is(err, transport.ErrClosed) {
				closed.Add(1)
			}
		})
	}
	for range n {
		<-arrived
	}

	asker.Close()

	if ended.Load() != n || closed.Load() != n {
		t.Errorf("at Close %d of %d questions ended, %d with ErrClosed", ended.Load(), n, closed.Load())
	}
	close(release)
	answerer.Close()
	if got := ended.Load(); got != n {
		t.Errorf("then ran %d times for %d questions", got, n)
	}
}

func aQuestionToAClosedTransportEnds(t *testing.T, dial func() port) {
	answerer, closed := open(t, dial, echo), open(t, dial, silent)
	closed.Close()

	if got := ask(t, closed, answerer.Contact, krpc.Query{Method: krpc.Ping}); !errors.Is(got.err, transport.ErrClosed) {
		t.Errorf("after Close: got %v, want ErrClosed", got.err)
	}
	if got := ask(t, end{port: dial()}, answerer.Contact, krpc.Query{Method: krpc.Ping}); !errors.Is(got.err, transport.ErrClosed) {
		t.Errorf("before Serve: got %v, want ErrClosed", got.err)
	}
	if err := closed.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if err := answerer.Serve(newKey(), echo); err == nil {
		t.Error("serving twice was allowed")
	}
}

func largeValuesTravelBothWays(t *testing.T, dial func() port) {
	value := make([]byte, kad.MaxValueSize)
	for i := range len(value) / 8 {
		binary.BigEndian.PutUint64(value[8*i:], uint64(i))
	}
	asker := open(t, dial, silent)
	answerer := open(t, dial, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		return krpc.Reply{Token: "t", Entries: []krpc.Entry{{Value: q.Entry.Value, TTL: time.Hour}}}
	})
	query := krpc.Query{Method: krpc.StoreValue, Token: "t", Entry: krpc.Entry{Value: value, TTL: time.Hour}}

	got := ask(t, asker, answerer.Contact, query)

	if got.err != nil || len(got.Entries) != 1 || !bytes.Equal(got.Entries[0].Value, value) {
		t.Errorf("the value came back changed, or not at all: %v, %d entries", got.err, len(got.Entries))
	}
}

func nothingIsSharedBetweenTheEnds(t *testing.T, dial func() port) {
	kept := krpc.Reply{Token: "t", Entries: []krpc.Entry{{Value: []byte("mine"), TTL: time.Hour}}}
	asker := open(t, dial, silent)
	answerer := open(t, dial, func(_ kad.Contact, q krpc.Query) krpc.Reply {
		q.Entry.Value[0] = 'X'
		return kept
	})
	value := []byte("yours")

	got := ask(t, asker, answerer.Contact, krpc.Query{Method: krpc.StoreValue, Token: "t", Entry: krpc.Entry{Value: value, TTL: time.Hour}})
	if got.err != nil || len(got.Entries) != 1 {
		t.Fatalf("got %+v", got)
	}
	got.Entries[0].Value[0] = 'X'

	if string(value) != "yours" || string(kept.Entries[0].Value) != "mine" {
		t.Errorf("the other end changed %q and %q", value, kept.Entries[0].Value)
	}
}

// TestCloseLeavesNoGoroutine runs alone: it counts goroutines of the process.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	for name, network := range makers {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			dial := network()
			asker := open(t, dial, silent)
			var answerers []end
			for range 3 {
				answerers = append(answerers, open(t, dial, echo))
			}
			var ended atomic.Int32
			for i := range 60 {
				asker.Ask(answerers[i%3].Contact, question("x"), func(krpc.Reply, error) { ended.Add(1) })
			}

			asker.Close()

			if ended.Load() != 60 {
				t.Errorf("%d of 60 questions ended at Close", ended.Load())
			}
			for _, a := range answerers {
				a.Close()
			}
			goroutinesFallTo(t, before)
		})
	}
}

// goroutinesFallTo gives goroutines that were told to end the time to do so.
func goroutinesFallTo(t *testing.T, want int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > want {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), want, stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

// question is one that echo answers with its text.
func question(text string) krpc.Query {
	return krpc.Query{Method: krpc.StoreValue, Token: text, Entry: krpc.Entry{Value: []byte("v"), TTL: time.Hour}}
}

func echo(_ kad.Contact, q krpc.Query) krpc.Reply { return krpc.Reply{Token: q.Token} }

func silent(kad.Contact, krpc.Query) krpc.Reply {
	return krpc.Reply{Error: &krpc.Error{Code: krpc.CodeGeneric, Message: "not asked in this test"}}
}

// open serves with a new key and closes with the test.
func open(t testing.TB, dial func() port, handle transport.Handler) end {
	t.Helper()
	return serve(t, dial(), newKey(), handle)
}

func serve(t testing.TB, p port, key ed25519.PrivateKey, handle transport.Handler) end {
	t.Helper()
	if err := p.Serve(key, handle); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return end{p, kad.NewContact(kad.PublicKeyOf(key), p.Addr())}
}

// ask waits for the answer.
func ask(t testing.TB, from end, to kad.Contact, q krpc.Query) answer {
	t.Helper()
	got := make(chan answer, 1)
	from.Ask(to, q, func(r krpc.Reply, err error) { got <- answer{r, err} })
	select {
	case a := <-got:
		return a
	case <-time.After(20 * time.Second):
		t.Fatal("then never ran")
		panic("unreachable")
	}
}

func newKey() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return key
}
