package transport_test

import (
	"sync"
	"sync/atomic"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// One sender's questions, however many, never take all the places.
func TestAFloodOfOneSenderLeavesRoomForOthers(t *testing.T) {
	for name, open := range map[string]func() port{
		"datagrams": func() port { return transport.NewQUIC(transport.QUICConfig{Listen: loopback}) },
		"streams":   newQUIC,
	} {
		t.Run(name, func(t *testing.T) {
			const share = 128
			flooder := serve(t, open(), goldenKey(1), silent)
			other := serve(t, open(), goldenKey(2), silent)
			var running, most atomic.Int32
			release := make(chan struct{})
			full, once := make(chan struct{}), sync.Once{}
			to := serve(t, open(), goldenKey(3), func(from kad.Contact, q krpc.Query) krpc.Reply {
				if from.ID != flooder.ID {
					return krpc.Reply{Token: "for you"}
				}
				now := running.Add(1)
				most.Store(max(most.Load(), now))
				if name == "streams" && now == 64 || now == share {
					once.Do(func() { close(full) })
				}
				<-release
				running.Add(-1)
				return krpc.Reply{}
			})
			// Given a flood of questions that take their time
			var asked sync.WaitGroup
			for range 3000 {
				asked.Add(1)
				flooder.Ask(to.Contact, krpc.Query{Method: krpc.FindNode, Target: kad.ID{1}}, func(krpc.Reply, error) { asked.Done() })
			}
			<-full
			// when another asks, then it is answered
			if got := ask(t, other, to.Contact, krpc.Query{Method: krpc.FindNode}); got.err != nil || got.Token != "for you" {
				t.Errorf("another got %q, %v", got.Token, got.err)
			}
			close(release)
			asked.Wait()
			if most.Load() > share {
				t.Errorf("%d questions of one sender were answered at once", most.Load())
			}
		})
	}
}
