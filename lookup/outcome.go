package lookup

import kad "github.com/khashmir/kad"

// Done reports whether the search is over: nobody in the window (see Next) is
// unasked or in flight, and K of them have answered. With fewer than K answers
// the late ones are waited for too. So is the target itself, if it is a contact:
// whoever looks for it wants it and not those around it. Once the questions are spent, it is over as
// soon as none is in flight, late ones aside. A search without contacts is over
// at once.
//
// Done tells the present state: the answer of a late contact may bring closer
// ones, and then Done is false again. A caller stops when it is first true, or goes on
// for those who are late as long as it likes (Overtook).
func (l *Lookup) Done() bool {
	if l.spent() && l.inFlight == 0 {
		return true
	}
	if i, known := l.find(l.target); known && l.shortlist[i].state == late {
		return false
	}
	window := 0
	for i := range l.shortlist {
		if window == l.config.K {
			return true
		}
		switch l.shortlist[i].state {
		case unasked, asked:
			return false
		case answered:
			window++
		}
	}
	return window == l.config.K || l.late == 0
}

// Overtook reports whether somebody is late who would be one of the Closest: who looks
// for what only one of them may have wants that answer too.
func (l *Lookup) Overtook() bool {
	if l.late == 0 {
		return false
	}
	window := 0
	for i := range l.shortlist {
		switch l.shortlist[i].state {
		case late:
			return true
		case answered:
			if window++; window == l.config.K {
				return false
			}
		}
	}
	return false
}

// Dry reports whether fewer than K others are left that have answered or may yet do
// so in time. Who knows more contacts should Add them.
func (l *Lookup) Dry() bool {
	left := 0
	for i := range l.shortlist {
		c := &l.shortlist[i]
		if c.depth > 0 && c.state != late && c.state != failed {
			left++
		}
		if left == l.config.K {
			return false
		}
	}
	return true
}

// Contact is the one with this ID, as far as the search has heard of it and keeps
// it.
func (l *Lookup) Contact(id kad.ID) (c kad.Contact, ok bool) {
	i, known := l.find(id)
	if !known {
		return kad.Contact{}, false
	}
	return *l.shortlist[i].contact, true
}

// Closest is the up to K closest that answered, our own node among them if Self
// was called; the closest first. The slice is the caller's.
func (l *Lookup) Closest() []kad.Contact {
	closest := make([]kad.Contact, 0, min(l.config.K, len(l.shortlist)))
	for i := range l.shortlist {
		if len(closest) == l.config.K {
			break
		}
		if c := &l.shortlist[i]; c.state == answered {
			closest = append(closest, *c.contact)
		}
	}
	return closest
}

// Spares are those behind the Closest, the closest first, for who needs more than
// K: they have answered, or may yet do so in time.
func (l *Lookup) Spares() (spares []kad.Contact) {
	found := 0
	for i := range l.shortlist {
		c := &l.shortlist[i]
		if found < l.config.K {
			if c.state == answered {
				found++
			}
		} else if c.state != failed && c.state != late {
			spares = append(spares, *c.contact)
		}
	}
	return spares
}

// Hops is how deep the search had to go: the depth of the closest contact that
// answered, our own node aside. A seed's is 1, that of a contact one more than
// the depth of whoever named it first; 0 means that nobody answered.
func (l *Lookup) Hops() int {
	for i := range l.shortlist {
		if c := &l.shortlist[i]; c.state == answered && c.depth > 0 {
			return int(c.depth)
		}
	}
	return 0
}

// Questions is how many contacts were asked so far.
func (l *Lookup) Questions() int { return l.questions }

// InFlight is how many of them owe an answer and are not late.
func (l *Lookup) InFlight() int { return l.inFlight }

// Target is what the search is for.
func (l *Lookup) Target() kad.ID { return l.target }
