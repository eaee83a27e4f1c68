package transport

import "time"

// surplus takes out what is to be closed now: the retired that are done, and
// the longest unused beyond the limit. None that has a question in flight.
func (p *pool) surplus() (out []*conn) {
	for c := range p.open {
		if c.retired && c.busy == 0 {
			c.farewell = codeSuperseded
			p.drop(c)
			out = append(out, c)
		}
	}
	for len(p.open) > p.quiet {
		c, spared := p.longestUnused()
		if c == nil {
			p.lookAgain(spared)
			break
		}
		c.farewell = codeIdle
		p.drop(c)
		out = append(out, c)
	}
	return out
}

// longestUnused is nil when all are busy or spared; spared says that some
// will not be any more in a while. At the very end of our room none is.
func (p *pool) longestUnused() (oldest *conn, spared bool) {
	now, room := time.Now(), len(p.open)+len(p.dials) < p.most
	for c := range p.open {
		switch {
		case c.busy > 0:
		case room && now.Before(c.sparedUntil()):
			spared = true
		case oldest == nil || c.last.Before(oldest.last):
			oldest = c
		}
	}
	return oldest, spared
}

// lookAgain has the surplus taken out when nothing else does it first.
func (p *pool) lookAgain(spared bool) {
	if spared && p.later == nil && !p.closed {
		p.later = time.AfterFunc(grace, p.trim)
	}
}

// trimmed is the surplus of later.
func (p *pool) trimmed() (surplus []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.later = nil
	if p.closed {
		return nil
	}
	return p.surplus()
}

// full reports whether there is no room for one more, even by closing.
func (p *pool) full() bool {
	if len(p.open)+len(p.dials) < p.most {
		return false
	}
	idle, _ := p.longestUnused()
	return idle == nil
}

// refusing is full, for who does not hold the lock.
func (p *pool) refusing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed || p.full()
}
