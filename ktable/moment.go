package ktable

import (
	"math"
	"time"
)

// moment is a time in microseconds since 1970: a third of a time.Time, and any
// year fits. It is wall time on purpose. A monotonic clock may stand still
// while a laptop sleeps, and its contacts would look fresh when it wakes.
type moment int64

// never is before every other moment.
const never moment = math.MinInt64

func momentOf(t time.Time) moment { return moment(t.UnixMicro()) }

// Time is the moment as others know it; never is the zero time.
func (m moment) Time() time.Time {
	if m == never {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// elapsed reports whether d has passed from one moment to another. Since never,
// any time has, and since one that is further ahead than d: the clock was set back,
// and nobody knows how long ago that was.
func elapsed(from, to moment, d time.Duration) bool {
	apart := moment(d.Microseconds())
	return from == never || to-from >= apart || from-to >= apart
}
