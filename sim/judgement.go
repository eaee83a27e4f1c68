package sim

import kad "github.com/khashmir/kad"

// lastJudgement is passed when there was peace for a while: every node knows
// its neighbours, what is acknowledged is where it belongs and is found, and
// what is removed or expired is not.
func (s *Sim) lastJudgement() {
	if s.over() {
		return
	}
	for _, p := range s.roster.living {
		if !p.liar {
			s.checkTable(p)
			s.checkLeftovers(p)
			s.strangers += s.checkNeighbours(p)
			s.judged++
		}
	}
	s.survivors()
	if s.kind() {
		s.checkPeace()
	}
	for _, v := range s.values {
		p := s.anyReader()
		if p == nil || v.expires == 0 || v.unclear() {
			continue
		}
		s.find(p, v, func(found bool) {
			gone := v.removed || v.expires <= s.now-int64(rounding)
			due := !v.removed && v.expires > s.now+int64(rounding)
			switch {
			case gone && found && s.kind():
				s.breaks("peer %d found %s, which was removed or has expired", p.index, v.key)
			case due && !found:
				s.unfound++
				if s.kind() && s.config.Sessions.draw == nil {
					s.breaks("peer %d does not find %s, which was acknowledged", p.index, v.key)
				}
			}
		})
	}
	s.pass("reading everything", longestOp)
	if s.open > 0 && !s.over() {
		s.breaks("%d operations have not ended", s.open)
	}
}

// checkNeighbours: a node knows the K closest to it.
func (s *Sim) checkNeighbours(p *peer) (missing int) {
	known := make(map[kad.ID]bool)
	for _, b := range p.node.Table() {
		for _, m := range b.Contacts {
			known[m.Contact.ID] = true
		}
	}
	s.truth = s.roster.closest(s.truth[:0], p.self.ID, s.k()+1)
	for _, m := range s.truth {
		if m.id != p.self.ID && !known[m.id] {
			missing++
		}
	}
	return missing
}

// kind: everybody may be expected to hear everybody, and to tell the truth.
func (s *Sim) kind() bool {
	c := s.config
	return c.Loss <= 0.05 && c.NAT == 0 && c.Asymmetric == 0 && c.Liars == 0 && c.Heal >= 2*kad.ReplicateInterval
}

// checkPeace: what must be so again when a kind network has had its peace.
func (s *Sim) checkPeace() {
	if s.strangers > s.judged*s.k()/16+2 {
		s.breaks("of the %d closest to each of %d nodes they do not know %d", s.k(), s.judged, s.strangers)
	}
	if looked := s.lookups.looked; s.config.Sessions.draw == nil && s.config.Kill == 0 && !s.cutOnce && looked > 20 {
		if recall := s.lookups.recall / float64(looked); recall < 0.97 {
			s.breaks("lookups found %.3f of the closest", recall)
		}
	}
	if s.lostValues > 0 && s.config.Sessions.draw == nil && s.config.Kill == 0 {
		s.breaks("%d values are lost, and no disk is", s.lostValues)
	}
	for _, v := range s.values {
		if !s.owed(v, rounding) {
			continue
		}
		want, has := min(s.replicas(), len(s.roster.living)), 0
		for _, m := range s.roster.closest(nil, v.key, want) {
			if s.peers[m.index].holds(v.key) {
				has++
			}
		}
		if has < want-1 && has > 0 {
			s.breaks("of the %d closest to %s only %d hold it", want, v.key, has)
		}
	}
}

// checkLeftovers: what has expired goes from the disk before long.
func (s *Sim) checkLeftovers(p *peer) {
	stats, err := p.disk.Stats()
	old := p.clock.Now().Add(-2*kad.ExpireInterval - rounding)
	marks, failed := p.disk.Marks(kad.Range{}, 1<<30, old)
	if err != nil || failed != nil || stats.Entries > len(marks) {
		s.breaks("peer %d has %d entries of which only %d are not long expired", p.index, stats.Entries, len(marks))
	}
}

// anyReader is an honest peer that lives, or nil.
func (s *Sim) anyReader() *peer {
	for range 64 {
		if len(s.roster.living) == 0 {
			break
		}
		if p := s.anybody(); !p.liar {
			return p
		}
	}
	return nil
}

// survivors counts the values that somebody holds who lives.
func (s *Sim) survivors() {
	held := make(map[kad.ID]bool)
	for _, p := range s.roster.living {
		if p.liar || p.disk == nil {
			continue
		}
		marks, err := p.disk.Marks(kad.Range{}, 1<<30, p.clock.Now())
		if err != nil {
			s.breaks("peer %d cannot read its store: %v", p.index, err)
		}
		for _, m := range marks {
			held[m.Key] = true
		}
	}
	s.acknowledged, s.lostValues = 0, 0
	for _, v := range s.values {
		if !s.owed(v, 0) {
			continue
		}
		s.acknowledged++
		if !held[v.key] {
			s.lostValues++
		}
	}
}
