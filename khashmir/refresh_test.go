package khashmir_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
)

// A bucket that nobody looks into is looked into every hour, which costs little.
func TestAFarBucketIsRefreshedWithFewQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a node among others, whose far buckets have room for many more
		w := newTown(t, 100, nil)
		var lookups []khashmir.Lookup
		w.change = func(c *khashmir.Config) {
			c.Observer.Lookup = func(l khashmir.Lookup) { lookups = append(lookups, l) }
		}
		node := w.come()
		time.Sleep(kad.SettledFor + 10*kad.MaintainInterval)
		synctest.Wait()
		lookups = nil
		// when it does nothing by itself for some hours
		const hours = 5
		time.Sleep(hours * time.Hour)
		synctest.Wait()
		// then it has looked into each bucket every hour,
		buckets := node.Table()
		asked := make([][]int, len(buckets))
		for _, l := range lookups {
			i := slices.IndexFunc(buckets, func(b khashmir.Bucket) bool { return b.Range.Contains(l.Target) })
			asked[i] = append(asked[i], l.Questions)
			if len(l.Closest) == 0 || l.Err != nil {
				t.Errorf("a lookup in bucket %d found %d, %v", i, len(l.Closest), l.Err)
			}
		}
		own := len(buckets) - 1
		for i, questions := range asked {
			full := i >= kad.WideBuckets && i != own // and lively, so that nobody need look
			if n := len(questions); !full && n < hours-1 || n > hours {
				t.Errorf("bucket %d was looked up %d times in %d hours", i, n, hours)
			}
		}
		// with a few questions; but of those around it, it has asked all the K closest,
		// itself aside.
		if far, near := mean(slices.Concat(asked[:kad.WideBuckets]...)), mean(asked[own]); far >= kad.K/2 || near < kad.K-1 {
			t.Errorf("%.1f questions a lookup, and %.1f around itself", far, near)
		} else {
			t.Logf("%.1f questions a lookup, and %.1f around itself", far, near)
		}
	})
}

func mean(of []int) float64 {
	sum := 0
	for _, n := range of {
		sum += n
	}
	return float64(sum) / float64(max(1, len(of)))
}
