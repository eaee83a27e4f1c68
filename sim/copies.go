package sim

import (
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/store"
)

// copies are on whose disks a value is, and when those were destroyed for which
// there is no other yet, the first one first.
type copies struct {
	on   []int32
	gone []int64
}

// keeps: v is on the disk of p.
func (p *peer) keeps(v *value) {
	s := p.sim
	if slices.Contains(v.on, p.index) {
		return
	}
	v.on = append(v.on, p.index)
	if len(v.gone) > 0 {
		if s.measuring {
			s.repairs = append(s.repairs, int32(time.Duration(s.now-v.gone[0])/time.Millisecond))
		}
		v.gone = v.gone[1:]
	}
	if len(v.on) >= s.replicas() {
		v.gone = nil
	}
}

// loses: what the marks are of is not on p's disk any more, for it was let go, or
// the disk was destroyed.
func (p *peer) loses(marks []store.Mark, destroyed bool) {
	s := p.sim
	for _, m := range marks {
		v := s.byKey[m.Key]
		if v == nil {
			continue
		}
		i := slices.Index(v.on, p.index)
		if i < 0 {
			continue
		}
		v.on = slices.Delete(v.on, i, i+1)
		if destroyed && len(v.on) < s.replicas() && s.owed(v, 0) {
			v.gone = append(v.gone, s.now)
		}
	}
}

// destroy takes the disk away, of a peer that is down.
func (p *peer) destroy() {
	marks, err := p.disk.Marks(kad.Range{}, 1<<30, p.clock.Now())
	if err != nil {
		p.sim.breaks("peer %d cannot read its store: %v", p.index, err)
	}
	p.loses(marks, true)
	p.disk = nil
}
