package khashmir_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
)

func TestAPromptStoreIsToldOnceWithEnoughAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Given a town whose nodes know how large it is
		w := newTown(t, 200, nil)
		w.acquaint()
		key := kad.HashID([]byte("prompt"))

		// when a value is stored promptly, and the context ends with the callback
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		told, goesOn := 0, false
		w.nodes[11].StoreValueForKey(ctx, key, []byte("v"), func(r khashmir.Result, err error) {
			told++
			goesOn = r.GoesOn
			if err != nil || len(r.Stored) < kad.Replicas/2 || r.GoesOn == (len(r.Stored) == kad.Replicas) {
				t.Errorf("told %v, stored by %d, goes on: %v", err, len(r.Stored), r.GoesOn)
			}
			cancel()
		}, khashmir.Prompt())

		// then it is told once, before all is done, and all of it is done
		time.Sleep(time.Minute)
		synctest.Wait()
		if told != 1 || !goesOn {
			t.Errorf("told %d times, went on: %v", told, goesOn)
		}
		closest := byDistance(w.nodes, key)[:kad.Replicas]
		holds := make(map[kad.ID]bool)
		for _, holder := range w.holders(key) {
			holds[holder.ID()] = true
		}
		for i, id := range closest {
			if !holds[id] {
				t.Errorf("the %d-th closest does not hold it", i)
			}
		}
		if len(holds) > 2*kad.Replicas {
			t.Errorf("%d nodes hold it", len(holds))
		}
		if s, _ := w.nodes[11].Stats(); s.InFlight != 0 {
			t.Errorf("%d calls are still under way", s.InFlight)
		}
	})
}

func TestAPromptStoreWithNobodyThereFailsLikeAnyOther(t *testing.T) {
	node := open(t, khashmir.Config{Path: t.TempDir() + "/node.db", Listen: "127.0.0.1:0"})
	r, err := node.Store(t.Context(), kad.ID{1}, []byte("v"), khashmir.Prompt())
	want, wantErr := node.Store(t.Context(), kad.ID{1}, []byte("v"))
	if err != wantErr || r.GoesOn || len(r.Stored) != len(want.Stored) {
		t.Errorf("%+v, %v; without Prompt %+v, %v", r, err, want, wantErr)
	}
}
