package khashmir_test

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/transport"
)

// stuck is a store that takes long to save contacts or to say what is due, and
// counts what it is asked.
type stuck struct {
	khashmir.Store
	saving, asking      time.Duration
	asked, swept, saved atomic.Int32
}

func (s *stuck) SaveContacts(contacts []kad.Contact) error {
	s.saved.Add(1)
	time.Sleep(s.saving)
	return s.Store.SaveContacts(contacts)
}

func (s *stuck) Due(now time.Time, limit int) ([]store.Kept, error) {
	s.asked.Add(1)
	time.Sleep(s.asking)
	return s.Store.Due(now, limit)
}

func (s *stuck) Expire(now time.Time, limit int) (int, error) {
	s.swept.Add(1)
	return s.Store.Expire(now, limit)
}

// A disk that hangs in the middle of one thing is asked for the others all the
// same, and never for the same twice.
func TestAChoreThatHangsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		disk := &stuck{Store: khashmir.NewMemoryStore(), saving: 50 * time.Minute}
		config := inMemory(net, 0)
		config.Store = disk
		node, other := open(t, config), open(t, inMemory(net, 1))
		add(t, node, other.Addr())
		time.Sleep(45 * time.Minute) // the first is saved when somebody is known
		if asked, swept := disk.asked.Load(), disk.swept.Load(); asked < 43 || asked > 45 || swept < 8 || swept > 9 {
			t.Errorf("in 45 minutes it was asked %d times what is due, and swept %d times", asked, swept)
		}
		if saved := disk.saved.Load(); saved < 1 || saved > 3 {
			t.Errorf("contacts were saved %d times, and none had ended", saved)
		}
	})
}

func TestNoChoreBeginsAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &stuck{Store: khashmir.NewMemoryStore(), asking: 20 * time.Second}
		config := inMemory(transport.NewNetwork(1), 0)
		config.Store, config.ExpireInterval, config.CheckpointInterval = disk, time.Minute, time.Minute
		node := open(t, config)
		for disk.asked.Load() == 0 {
			time.Sleep(time.Second)
		}
		before := disk.swept.Load() + disk.saved.Load()
		if err := node.Abort(); err != nil {
			t.Fatal(err)
		}
		if after := disk.swept.Load() + disk.saved.Load(); after != before {
			t.Errorf("the disk was swept, or contacts saved, when the node had ended")
		}
	})
}

// Whoever has often to do something else does not compare more often for that.
func TestOtherChoresDoNotDragRoundsAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := transport.NewNetwork(1)
		config := inMemory(net, 0)
		config.MaintainInterval, config.RepublishInterval = time.Second, 200*time.Millisecond
		node, other := open(t, config), open(t, inMemory(net, 1))
		add(t, node, other.Addr())
		if _, err := node.Store(t.Context(), kad.HashID([]byte("key")), []byte("value")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second) // half of a minute has not passed
		early, err := node.Stats()
		if err != nil || early.Rounds > 0 {
			t.Errorf("%d rounds in 20 seconds, %v", early.Rounds, err)
		}
		time.Sleep(2 * time.Minute)
		if later, err := node.Stats(); err != nil || later.Rounds == 0 {
			t.Errorf("%d rounds in two minutes, %v", later.Rounds, err)
		}
	})
}

// setBack is a clock that somebody sets back.
type setBack struct {
	*rand.ChaCha8
	by atomic.Int64
}

func (c *setBack) Now() time.Time {
	return time.Now().Round(0).Add(-time.Duration(c.by.Load()))
}
func (c *setBack) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

func TestAClockThatIsSetBackStopsNoChore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &stuck{Store: khashmir.NewMemoryStore()}
		clock := &setBack{ChaCha8: rand.NewChaCha8([32]byte{})}
		config := inMemory(transport.NewNetwork(1), 0)
		config.Store, config.Clock = disk, clock
		open(t, config)
		time.Sleep(10 * time.Minute)
		before := disk.asked.Load()
		clock.by.Store(int64(5 * time.Hour))
		time.Sleep(20 * time.Minute)
		if asked := disk.asked.Load() - before; asked < 18 || asked > 22 {
			t.Errorf("in 20 minutes it was asked %d times what is due", asked)
		}
	})
}
