package khashmir

import (
	"cmp"
	"context"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// lost is who has lost its place in the table by its silence. Most are dead,
// but after a partition it is the other half of the network: so they are asked
// again from time to time, ever less often, and forgotten after a day.
type lost []lostContact

type lostContact struct {
	contact kad.Contact
	since   time.Time
	next    time.Time
}

// add forgets whom there is no room for: who is lost for longest.
func (l *lost) add(c kad.Contact, now, next time.Time) {
	l.remove(c.ID)
	if len(*l) == kad.LostContacts {
		*l = slices.Delete(*l, 0, 1)
	}
	*l = append(*l, lostContact{c, now, next})
}

func (l *lost) remove(id kad.ID) {
	for i := range *l {
		if (*l)[i].contact.ID == id {
			*l = slices.Delete(*l, i, i+1)
			return
		}
	}
}

// due is up to limit of those whose time has come, the longest waiting first.
// Each has its next time after as long again as it has been lost, or after
// kad.MinPingInterval.
func (l *lost) due(now time.Time, limit int) (due []kad.Contact) {
	*l = slices.DeleteFunc(*l, func(o lostContact) bool { return now.Sub(o.since) > kad.LostFor })
	order := make([]int, 0, len(*l))
	for i, o := range *l {
		if !o.next.After(now) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare((*l)[a].next.UnixNano(), (*l)[b].next.UnixNano())
	})
	for _, i := range order[:min(len(order), limit)] {
		o := &(*l)[i]
		o.next = now.Add(min(now.Sub(o.since), kad.MinPingInterval))
		due = append(due, o.contact)
	}
	return due
}

// askLost pings some of the lost. Who answers is in the table again, and a
// lookup of our own neighbourhood makes the rest of its part of the network
// known.
func (n *Node) askLost() {
	for _, c := range n.lost.due(n.clock.Now(), 1) {
		n.ask(c, krpc.Query{Method: krpc.Ping}, func(_ krpc.Reply, err error) {
			if err == nil {
				n.reunite()
			}
		})
	}
}

// reunite looks for our neighbours once more, unless that is under way.
func (n *Node) reunite() {
	if n.reuniting {
		return
	}
	n.reuniting = true
	n.findNode(context.Background(), n.self.ID, func([]kad.Contact, error) { n.reuniting = false })
}
