package floors

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/ktable"
)

// offered is how many contacts a table is shown. It keeps those that a node
// keeps.
const offered = 10_000

// tables are asked for the K closest to a target.
func tables(string) ([]pair, error) {
	random := rand.NewPCG(1, 2)
	table := ktable.New(kad.RandomID(random), ktable.Config{Wide: kad.WideBuckets})
	for i := range offered {
		c := neighbours()[0]
		c.ID = kad.RandomID(random)
		table.Seen(c, time.Unix(int64(i), 0))
	}
	targets := make([]kad.ID, 256)
	for i := range targets {
		targets[i] = kad.RandomID(random)
	}
	all := slices.Collect(table.Contacts())
	into, from := make([]kad.Contact, 0, kad.K), all[:kad.K]
	i := 0
	target := func() kad.ID {
		i++
		return targets[i%len(targets)]
	}
	return []pair{{"closest", []task{
		{fmt.Sprintf("the 8 closest, %d contacts kept of %d met", len(all), offered), times(func() error {
			into = table.Closest(into[:0], target(), kad.K)
			return nil
		})},
		{"8 contacts copied", times(func() error { into = append(into[:0], from...); return nil })},
		{"the 1 closest, all looked at", times(func() error {
			to, nearest := target(), all[0].ID
			for j := range all {
				if to.CompareDistance(all[j].ID, nearest) < 0 {
					nearest = all[j].ID
				}
			}
			return nil
		})},
	}, nothing}}, nil
}
