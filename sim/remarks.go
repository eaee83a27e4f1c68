package sim

import (
	"fmt"
	"time"
)

// Remark is one thing that a run has shown, as a sentence.
type Remark struct{ Name, Text string }

// Remarks is what is to be said of a run beside its operations, its traffic and its values,
// as far as it was measured.
func (r *Result) Remarks() (all []Remark) {
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)).Round(time.Second) }
	say := func(name, format string, numbers ...any) {
		all = append(all, Remark{name, fmt.Sprintf(format, numbers...)})
	}
	if r.Load.Count > 0 {
		say("load", "questions answered by a node: median %.0f, 99 in 100 at most %.0f, the most %.0f", r.Load.P50, r.Load.P99, r.Load.Max)
	}
	if r.Busiest > 0 {
		say("hot key", "of the finds, the busiest node was asked in %.1f %%, who gave most gave it in %.2f %%; %.1f %% of the nodes had a copy", 100*r.Busiest, 100*r.Gave, 100*r.Copies)
	}
	if r.Placed > 0 {
		say("placed", "%.2f %% of those whose place it is held a value a minute after it was acknowledged", 100*r.Placed)
	}
	if t := r.Repair; t.Count > 0 {
		say("repair", "a copy that dies with its disk is replaced after %v (median), 99 in 100 within %v, the last after %v", seconds(t.P50), seconds(t.P99), seconds(t.Max))
	}
	if r.Judged > 0 {
		say("tables", "of their closest neighbours nodes know all but %.2f on average", float64(r.Strangers)/float64(r.Judged))
	}
	if r.Size.Count > 1 {
		say("size", "%d nodes have looked 16 times: they are off from how many there are by %+.1f %%, give or take %.1f %% (by the splits of their tables: %+.0f %%, %.0f %%)",
			r.Size.Count, 100*r.Size.Bias, 100*r.Size.Deviation, 100*r.SizeByRule.Bias, 100*r.SizeByRule.Deviation)
	}
	if h := r.HalfLife; h.Count > 0 {
		say("lives", "nodes ten minutes old and more take %v for the median session (80 in 100 between %v and %v)", seconds(h.P50), seconds(h.Hundredths[10]), seconds(h.P90))
	}
	return all
}
