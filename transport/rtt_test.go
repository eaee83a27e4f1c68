package transport_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

func TestAnswersTeachHowLongToWait(t *testing.T) {
	t.Parallel()
	// given a node that answers at once, until it does not
	var stuck atomic.Bool
	release := make(chan struct{})
	asker := open(t, newQUIC, silent)
	answerer := open(t, newQUIC, func(kad.Contact, krpc.Query) krpc.Reply {
		if stuck.Load() {
			<-release
		}
		return krpc.Reply{}
	})
	defer close(release)
	for range 20 {
		if got := ask(t, asker, answerer.Contact, krpc.Query{Method: krpc.Ping}); got.err != nil {
			t.Fatal(got.err)
		}
	}
	stuck.Store(true)

	const slack = 900 * time.Millisecond
	waits := []struct {
		what  string
		query krpc.Query
		want  time.Duration
	}{
		{"a quick node's silence", krpc.Query{Method: krpc.Ping}, kad.MinTimeout},
		{"its next silence", krpc.Query{Method: krpc.Ping}, 2 * kad.MinTimeout},
		{"a store's answer waits for the disk", question("x"), max(4*kad.MinTimeout, kad.FirstTimeout)},
	}
	for _, w := range waits {
		start := time.Now()
		got := ask(t, asker, answerer.Contact, w.query)
		if took := time.Since(start); !errors.Is(got.err, transport.ErrTimeout) || took < w.want || took > w.want+slack {
			t.Errorf("%s: got %v after %v, want ErrTimeout after %v", w.what, got.err, took, w.want)
		}
	}
}

func TestANewContactIsGivenTheFirstTimeout(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	asker := open(t, newQUIC, silent)
	answerer := open(t, newQUIC, func(kad.Contact, krpc.Query) krpc.Reply { <-release; return krpc.Reply{} })
	defer close(release)
	start := time.Now()
	got := ask(t, asker, answerer.Contact, krpc.Query{Method: krpc.Ping})
	if took := time.Since(start); !errors.Is(got.err, transport.ErrTimeout) || took < kad.FirstTimeout || took > kad.FirstTimeout+900*time.Millisecond {
		t.Errorf("got %v after %v", got.err, took)
	}
}
