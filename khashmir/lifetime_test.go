package khashmir_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

func TestAValueLivesAsLongAsItsPublisherSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := join(t, transport.NewNetwork(1), 12, nil)
		for value, ttl := range map[string]time.Duration{"minute": time.Minute, "day": kad.ValueTTL, "week": kad.MaxValueTTL} {
			if _, err := nodes[0].Store(t.Context(), kad.ID{1}, []byte(value), khashmir.TTL(ttl)); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		for _, step := range []struct {
			at   time.Duration
			want []string
		}{
			{59 * time.Second, []string{"day", "minute", "week"}},
			{61 * time.Second, []string{"day", "week"}},
			{kad.ValueTTL - time.Minute, []string{"day", "week"}},
			{kad.ValueTTL + time.Minute, []string{"week"}},
			{kad.MaxValueTTL - time.Minute, []string{"week"}},
			{kad.MaxValueTTL + time.Minute, nil},
		} {
			time.Sleep(step.at - time.Since(began))
			for _, reader := range nodes { // every holder, and those who are none
				if got := values(t, reader, kad.ID{1}); !slices.Equal(got, step.want) {
					t.Fatalf("after %v: %q, want %q", step.at, got, step.want)
				}
			}
		}
	})
}

// The publisher's latest word counts, be it longer or shorter.
func TestStoringAgainGivesANewLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := join(t, transport.NewNetwork(1), 12, nil)
		store := func(ttl time.Duration) {
			if _, err := nodes[0].Store(t.Context(), kad.ID{1}, []byte("v"), khashmir.TTL(ttl)); err != nil {
				t.Fatal(err)
			}
		}
		store(time.Hour)
		time.Sleep(30 * time.Minute)
		store(time.Minute)
		store(time.Hour)
		time.Sleep(59 * time.Minute)
		if got := values(t, nodes[11], kad.ID{1}); len(got) != 1 {
			t.Error("the renewal was lost")
		}
		time.Sleep(2 * time.Minute)
		if got := values(t, nodes[11], kad.ID{1}); len(got) != 0 {
			t.Error("it outlived its renewal")
		}
		store(time.Hour)
		store(time.Minute)
		time.Sleep(2 * time.Minute)
		if got := values(t, nodes[11], kad.ID{1}); len(got) != 0 {
			t.Error("it outlived its shorter life")
		}
	})
}

func TestALifetimeOutOfBoundsIsRefusedWithoutAQuestion(t *testing.T) {
	nodes := join(t, transport.NewNetwork(1), 4, func(i int, c *khashmir.Config) {
		if i > 0 {
			c.MaxValueTTL = 30 * time.Hour
		}
	})
	before, _ := nodes[0].Stats()
	for _, ttl := range []time.Duration{-1, 0, time.Second - 1, kad.MaxValueTTL + time.Second, 1<<63 - 1} {
		if _, err := nodes[0].Store(t.Context(), kad.ID{1}, []byte("v"), khashmir.TTL(ttl)); !errors.Is(err, khashmir.ErrLifetime) {
			t.Errorf("%v: %v", ttl, err)
		}
	}
	if after, _ := nodes[0].Stats(); after.Asked != before.Asked {
		t.Errorf("%d questions were asked for nothing", after.Asked-before.Asked)
	}

	result, err := nodes[0].Store(t.Context(), kad.ID{1}, []byte("v"), khashmir.TTL(kad.MaxValueTTL))
	if !errors.Is(err, khashmir.ErrRefused) || len(result.Refused) != 3 || !errors.Is(result.Refused[0].Err, khashmir.ErrLifetime) {
		t.Errorf("holders that grant less: %v, %v", result.Refused, err)
	}
}
