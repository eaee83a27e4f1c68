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
		const hours = 5
		buckets, asked := idle(t, 100, hours)
		// when it does nothing by itself for some hours
		// then it has looked into each bucket every hour,
		own := len(buckets) - 1
		for i, questions := range asked {
			full := i >= kad.WideBuckets && i != own // and lively, so that nobody need look
			if n := len(questions); !full && n < hours-1 || n > hours {
				t.Errorf("bucket %d was looked up %d times in %d hours", i, n, hours)
			}
		}
		// with a few questions where it knows K and more; but where it knows fewer, and of
		// those around it, it has asked all the K closest, itself aside.
		known := slices.IndexFunc(buckets, func(b khashmir.Bucket) bool { return len(b.Contacts) < kad.K })
		if known < 1 || known >= own {
			t.Fatalf("%d of %d buckets have K contacts", known, len(buckets))
		}
		far, short, near := mean(asked[:known]), mean(asked[known:kad.WideBuckets]), mean(asked[own:])
		if far >= kad.K/2 || short < kad.K-1 || near < kad.K-1 {
			t.Errorf("%.1f questions a lookup, %.1f where it knows few, and %.1f around itself", far, short, near)
		}
	})
}

func TestAroundItselfANodeLooksForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a node whose own bucket has K contacts
		buckets, asked := idle(t, kad.K, 5)
		if len(buckets) != 1 || len(buckets[0].Contacts) != kad.K {
			t.Fatalf("%d buckets, %d contacts in the first", len(buckets), len(buckets[0].Contacts))
		}
		// then it is refreshed by asking them all, itself aside
		if near := mean(asked); near < kad.K-1 {
			t.Errorf("%.1f questions a lookup", near)
		}
	})
}

// idle is the table of a node that comes to so many others and does nothing for some
// hours, and how many questions each of its own lookups asked then, by bucket.
func idle(t *testing.T, others, hours int) (buckets []khashmir.Bucket, asked [][]int) {
	t.Helper()
	w := newTown(t, others, nil)
	var lookups []khashmir.Lookup
	w.change = func(c *khashmir.Config) {
		c.Observer.Lookup = func(l khashmir.Lookup) { lookups = append(lookups, l) }
	}
	node := w.come()
	time.Sleep(kad.SettledFor + 10*kad.MaintainInterval)
	synctest.Wait()
	lookups = nil
	time.Sleep(time.Duration(hours) * time.Hour)
	synctest.Wait()
	buckets = node.Table()
	asked = make([][]int, len(buckets))
	for _, l := range lookups {
		i := slices.IndexFunc(buckets, func(b khashmir.Bucket) bool { return b.Range.Contains(l.Target) })
		asked[i] = append(asked[i], l.Questions)
		if len(l.Closest) == 0 || l.Err != nil {
			t.Errorf("a lookup in bucket %d found %d, %v", i, len(l.Closest), l.Err)
		}
	}
	return buckets, asked
}

func mean(of [][]int) float64 {
	sum, count := 0, 0
	for _, some := range of {
		for _, n := range some {
			sum, count = sum+n, count+1
		}
	}
	return float64(sum) / float64(max(1, count))
}
