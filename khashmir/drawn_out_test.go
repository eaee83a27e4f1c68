package khashmir_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// Whoever draws a comparison out costs the others a round at the most.
func TestNobodyDrawsARoundOutForEver(t *testing.T) {
	taken := 0
	for name, test := range map[string]struct {
		questions int // that may be put to it in four hours
		lie       func(q krpc.Query) krpc.Reply
	}{
		"takes one and refuses the next": {200, func(q krpc.Query) krpc.Reply {
			if q.Method == krpc.Compare {
				return krpc.Reply{Token: "12345678"}
			}
			if taken++; taken%2 == 0 {
				return krpc.Reply{Error: &krpc.Error{Code: krpc.CodeBadToken}}
			}
			return krpc.Reply{}
		}},
		"always wants the halves": {
			4 * 4 * int(kad.MaxRound/(800*time.Millisecond)), // four at a time, for a quarter of each hour
			func(krpc.Query) krpc.Reply { return krpc.Reply{Split: true} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := transport.NewNetwork(1)
				net.SetLatency(400*time.Millisecond, 0)
				config := inMemory(net, 0)
				config.Store = khashmir.NewMemoryStore()
				for i := range 100 {
					id, e := kad.HashID([]byte{byte(i)}), kad.Entry{Value: []byte{byte(i)}, TTL: kad.MaxValueTTL, Created: time.Now(), Seq: 1}
					e.Sign(id, key(99))
					if err := config.Store.Put(id, e, netip.Prefix{}, time.Now()); err != nil {
						t.Fatal(err)
					}
				}
				node := open(t, config)
				liar := peer(t, net, 1, func(_ kad.Contact, q krpc.Query) krpc.Reply {
					if q.Method == krpc.Compare || q.Method == krpc.StoreValue {
						return test.lie(q)
					}
					return honest(1, q)
				})
				add(t, node, liar.Addr())
				time.Sleep(4 * time.Hour)
				s, err := node.Stats()
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d rounds, %d questions", s.Rounds, s.Asked)
				if s.Rounds < 3 {
					t.Errorf("%d rounds in four hours", s.Rounds)
				}
				if s.Compared == 0 || s.Asked > test.questions {
					t.Errorf("%d questions in four hours, %d comparisons", s.Asked, s.Compared)
				}
			})
		})
	}
}
