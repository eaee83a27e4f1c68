package khashmir

import (
	"time"

	kad "github.com/khashmir/kad"
)

// lateness learns how long answers take on this node's network and says when
// one is late: mean + 4 deviations, as RFC 6298 does for a lost segment. A
// late answer is overtaken, not given up.
type lateness struct {
	mean, deviation time.Duration
}

func (l *lateness) observe(took time.Duration) {
	if l.mean == 0 {
		l.mean, l.deviation = took, took/2
		return
	}
	l.deviation += (max(took-l.mean, l.mean-took) - l.deviation) / 4
	l.mean += (took - l.mean) / 8
}

func (l *lateness) after() time.Duration {
	if l.mean == 0 {
		return kad.MaxLate
	}
	return min(max(l.mean+4*l.deviation, kad.MinLate), kad.MaxLate)
}
