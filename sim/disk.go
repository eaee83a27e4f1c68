package sim

import (
	"net/netip"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// disk is what a peer has beside its memory: it is still there after a crash,
// until it is destroyed. The contacts take four bytes each; what only a
// checkpoint needs is not kept twice.
type disk struct {
	*store.Memory
	peer     *peer
	contacts []int32
}

func newDisk(p *peer) *disk {
	return &disk{Memory: store.NewMemory(store.Config{Limits: p.sim.limits}), peer: p}
}

func (d *disk) Put(key kad.ID, e kad.Entry, group netip.Prefix, now time.Time) error {
	err := d.Memory.Put(key, e, group, now)
	if err == nil {
		s := d.peer.sim
		s.checkPut(d.peer, key, e, now)
		if v := s.byKey[key]; v != nil {
			d.peer.keeps(v)
		}
	}
	return err
}

func (d *disk) Drop(marks []store.Mark) error {
	err := d.Memory.Drop(marks)
	d.peer.loses(slices.DeleteFunc(slices.Clone(marks), func(m store.Mark) bool { return d.peer.holds(m.Key) }), false)
	return err
}

func (d *disk) SaveContacts(contacts []kad.Contact) error {
	d.contacts = make([]int32, len(contacts))
	for i, c := range contacts {
		d.contacts[i] = indexOf(c.V4)
	}
	return nil
}

func (d *disk) Contacts() ([]kad.Contact, error) {
	contacts := make([]kad.Contact, 0, len(d.contacts))
	for _, i := range d.contacts {
		if p := d.peer.sim.peerAt(i); p != nil {
			contacts = append(contacts, p.self)
		}
	}
	return contacts, nil
}

// Close leaves all as it is: the node has ended, not the disk.
func (d *disk) Close() error { return nil }
