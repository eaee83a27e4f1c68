package web

import (
	"fmt"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

func contacts(s khashmir.Stats) api.Check {
	c := api.Check{Name: "contacts", State: api.OK, Says: fmt.Sprintf("%d contacts are known.", s.Contacts)}
	if s.Contacts == 0 {
		c.State, c.Says = api.Failed, "No contact is known: nothing can be found, and what is stored stays here."
		c.Do = "Give it the address of any node of the network; it finds the others by itself."
	}
	return c
}

// reachable: whom we ask answers, and nobody asks us. A node behind a NAT or a
// firewall is like that; so is one that nobody has any reason to ask.
func reachable(s khashmir.Stats, client bool, before, now sample) api.Check {
	c := api.Check{Name: "reachable", State: api.OK}
	answered := now.asked - now.silent - before.asked + before.silent
	served, past := now.served-before.served, now.at.Sub(before.at)
	switch {
	case client:
		c.Says = "This node is a client: nobody asks it, and nobody should."
	case served > 0:
		c.Says = fmt.Sprintf("Others have asked it %d times in the last %s.", served, rough(past))
	case s.Contacts == 0 || past < kad.HealthWindow || answered < kad.EnoughAnswers:
		c.Says = fmt.Sprintf("Nobody has asked it in the last %s; it is too early to tell why.", rough(past))
	default:
		c.State = api.Warning
		c.Says = fmt.Sprintf("Others have answered it %d times in the last %s and never asked it anything: questions may not get through to it.", answered, rough(past))
		c.Do = "Let UDP through to its port in firewalls, and forward the port where there is a NAT; or run it as a client."
	}
	return c
}

func answers(before, now sample) api.Check {
	c := api.Check{Name: "answers", State: api.OK}
	asked, silent, past := now.asked-before.asked, now.silent-before.silent, rough(now.at.Sub(before.at))
	switch {
	case asked < kad.EnoughAsked:
		c.Says = fmt.Sprintf("It has asked %d questions in the last %s: too few to tell.", asked, past)
		return c
	case silent >= asked:
		c.State = api.Failed
		c.Do = "Look whether this machine is on the network, and whether UDP gets out."
	case float64(silent) > kad.MaxSilent*float64(asked):
		c.State = api.Warning
		c.Do = "Look for packet loss and for a firewall that forgets UDP too soon; after many nodes have left it passes by itself."
	}
	c.Says = fmt.Sprintf("%d of %d questions in the last %s had no answer.", silent, asked, past)
	return c
}

// space: how much of what the store may hold it does.
func space(s khashmir.Stats) api.Check {
	c := api.Check{Name: "store", State: api.OK}
	entries, bytes := part(int64(s.Store.Entries), int64(s.MaxEntries)), part(s.Store.Bytes, s.MaxBytes)
	c.Says = fmt.Sprintf("It holds %d entries (%.0f %% of what it may) of %d bytes (%.0f %%).", s.Store.Entries, 100*entries, s.Store.Bytes, 100*bytes)
	used := max(entries, bytes)
	if used >= kad.NearlyFull {
		c.State = api.Warning
		c.Do = "Raise its limits (MaxEntries, MaxBytes) before it is full."
	}
	if used >= 1 {
		c.State = api.Failed
		c.Says += " It is full: who has less than a quota here displaces others, who has more is refused."
		c.Do = "Raise its limits (MaxEntries, MaxBytes), or add nodes."
	}
	return c
}

func part(n, of int64) float64 {
	if of <= 0 {
		return 0
	}
	return float64(n) / float64(of)
}

func disk(s khashmir.Stats, err error) api.Check {
	switch {
	case err != nil:
		return api.Check{
			Name: "disk", State: api.Failed, Says: "The store cannot be read.",
			Do: "See the log for why; look at the disk and its free space.",
		}
	case s.Store.Damaged > 0:
		return api.Check{
			Name: "disk", State: api.Warning,
			Says: fmt.Sprintf("%d entries did not come back from the disk as they were.", s.Store.Damaged),
			Do:   "What other holders have comes back by itself. Look at the disk; make a backup.",
		}
	}
	return api.Check{Name: "disk", State: api.OK, Says: "All that was read was whole."}
}

// clock compares what the system's clock says has passed with what has, by one
// that nobody sets. Whether the time is right it cannot know.
func clock(before, now time.Time, passed time.Duration) api.Check {
	c := api.Check{Name: "clock", State: api.OK, Says: "The clock has run evenly."}
	set := now.Round(0).Sub(before.Round(0)) - passed
	switch {
	case now.Year() < kad.FirstYear:
		c.State = api.Failed
		c.Says = fmt.Sprintf("The clock says %s, which cannot be: lifetimes and versions of entries go by it.", now.UTC().Format(time.DateOnly))
		c.Do = "Set the clock; have it kept right (NTP)."
	case set.Abs() > kad.ClockJump:
		c.State = api.Warning
		c.Says = fmt.Sprintf("The clock has jumped by %s, or the machine has slept: entries may have expired early, or too late.", rough(set))
		c.Do = "Have the clock kept right (NTP)."
	}
	return c
}

// rough is a duration as people say it.
func rough(d time.Duration) string {
	if d.Abs() < time.Minute {
		return d.Round(time.Second).String()
	}
	text := d.Round(time.Minute).String()
	return text[:len(text)-len("0s")]
}
