package mainline

import (
	"time"

	kad "github.com/khashmir/kad"
)

// Sighting is a contact that has just answered.
type Sighting struct {
	Contact kad.Contact
	Version string // of its program, as far as it can be printed
	At      time.Time
}

// Table is contacts for research, beside the bounded table of the node.
type Table interface {
	Seen(Sighting)
	Failed(kad.Contact)                         // it does not answer any more
	Closest(target kad.ID, n int) []kad.Contact // of those that answered last time
	Len() int
}
