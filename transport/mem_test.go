package transport_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/transport"
)

// onMem is a bubble with a network in it: its clock moves only when all wait.
func onMem(t *testing.T, play func(t *testing.T, network *transport.Network, dial func() port)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := transport.NewNetwork(7)
		play(t, network, func() port { return network.Transport() })
	})
}

func TestLatencyIsCountedOneWay(t *testing.T) {
	onMem(t, func(t *testing.T, network *transport.Network, dial func() port) {
		asker, answerer := open(t, dial, silent), open(t, dial, echo)
		network.SetLatency(40*time.Millisecond, 0)
		start := time.Now()

		got := ask(t, asker, answerer.Contact, krpc.Query{Method: krpc.Ping})

		if took := time.Since(start); got.err != nil || took != 80*time.Millisecond {
			t.Errorf("took %v, %v", took, got.err)
		}
	})
}

func TestJitterStaysWithinItsBounds(t *testing.T) {
	onMem(t, func(t *testing.T, network *transport.Network, dial func() port) {
		asker, answerer := open(t, dial, silent), open(t, dial, echo)
		network.SetLatency(10*time.Millisecond, 20*time.Millisecond)
		var shortest, longest time.Duration = time.Hour, 0
		for range 200 {
			start := time.Now()
			ask(t, asker, answerer.Contact, krpc.Query{Method: krpc.Ping})
			shortest, longest = min(shortest, time.Since(start)), max(longest, time.Since(start))
		}
		if shortest < 20*time.Millisecond || longest > 60*time.Millisecond || longest-shortest < 20*time.Millisecond {
			t.Errorf("round trips took between %v and %v", shortest, longest)
		}
	})
}

func TestALostMessageIsSilence(t *testing.T) {
	onMem(t, func(t *testing.T, network *transport.Network, dial func() port) {
		asker, answerer := open(t, dial, silent), open(t, dial, echo)
		network.SetLoss(1)
		start := time.Now()

		got := ask(t, asker, answerer.Contact, krpc.Query{Method: krpc.Ping})

		if took := time.Since(start); !errors.Is(got.err, transport.ErrTimeout) || took != kad.FirstTimeout {
			t.Errorf("got %v after %v, want ErrTimeout after %v", got.err, took, kad.FirstTimeout)
		}
	})
}

func TestTheSeedDecidesWhatIsLost(t *testing.T) {
	lost := func(seed uint64) (pattern string) {
		synctest.Test(t, func(t *testing.T) {
			network := transport.NewNetwork(seed)
			dial := func() port { return network.Transport() }
			asker, answerer := open(t, dial, silent), open(t, dial, echo)
			network.SetLoss(0.3)
			for range 64 {
				if ask(t, asker, answerer.Contact, krpc.Query{Method: krpc.Ping}).err != nil {
					pattern += "x"
				} else {
					pattern += "."
				}
			}
		})
		return pattern
	}
	if a, b := lost(1), lost(1); a != b {
		t.Errorf("one seed lost\n%s and\n%s", a, b)
	}
	if a, b := lost(1), lost(2); a == b {
		t.Errorf("two seeds lost the same: %s", a)
	}
}

func TestAPartitionSeparatesAndHeals(t *testing.T) {
	onMem(t, func(t *testing.T, network *transport.Network, dial func() port) {
		a, b, c := open(t, dial, echo), open(t, dial, echo), open(t, dial, echo)
		network.Partition([]netip.AddrPort{a.V4, b.V4}, []netip.AddrPort{c.V4})

		if got := ask(t, a, b.Contact, krpc.Query{Method: krpc.Ping}); got.err != nil {
			t.Errorf("within a group: %v", got.err)
		}
		for _, pair := range [][2]end{{a, c}, {c, b}} {
			if got := ask(t, pair[0], pair[1].Contact, krpc.Query{Method: krpc.Ping}); !errors.Is(got.err, transport.ErrTimeout) {
				t.Errorf("across: got %v, want ErrTimeout", got.err)
			}
		}
		network.Partition()
		if got := ask(t, a, c.Contact, krpc.Query{Method: krpc.Ping}); got.err != nil {
			t.Errorf("healed: %v", got.err)
		}
	})
}

func TestAKilledNodeIsSilentUntilRevived(t *testing.T) {
	onMem(t, func(t *testing.T, network *transport.Network, dial func() port) {
		a, b := open(t, dial, echo), open(t, dial, echo)
		network.Kill(b.V4)

		for _, pair := range [][2]end{{a, b}, {b, a}} {
			if got := ask(t, pair[0], pair[1].Contact, krpc.Query{Method: krpc.Ping}); !errors.Is(got.err, transport.ErrTimeout) {
				t.Errorf("got %v, want ErrTimeout", got.err)
			}
		}
		network.Revive(b.V4)
		if got := ask(t, a, b.Contact, krpc.Query{Method: krpc.Ping}); got.err != nil {
			t.Errorf("revived: %v", got.err)
		}
	})
}

func TestAnAddressCanBeTakenAgainAfterClose(t *testing.T) {
	onMem(t, func(t *testing.T, network *transport.Network, dial func() port) {
		asker, first := open(t, dial, silent), open(t, dial, echo)
		first.Close()
		second := serve(t, network.Transport(first.V4), newKey(), echo)

		if got := ask(t, asker, second.Contact, krpc.Query{Method: krpc.Ping}); got.err != nil {
			t.Error(got.err)
		}
		if got := ask(t, asker, first.Contact, krpc.Query{Method: krpc.Ping}); !errors.Is(got.err, transport.ErrWrongID) {
			t.Errorf("got %v, want ErrWrongID", got.err)
		}
	})
}
