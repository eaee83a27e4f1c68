package krpc_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// Whatever bytes come: no panic, the error is one to answer with, and what
// was understood can be said again and is understood the same.
func FuzzDecode(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, wire []byte) {
		first, err := krpc.Decode(wire)
		if err != nil {
			var refusal *krpc.Error
			if !errors.As(err, &refusal) || refusal.Code != krpc.CodeProtocol || first.Reply != nil {
				t.Fatalf("got %s, %v", show(first), err)
			}
			return
		}
		again, err := krpc.Encode(first)
		if err != nil {
			// Ours says its version: a full message may not leave the room.
			if len(wire) < kad.MaxMessageSize/16 {
				t.Fatal(err)
			}
			return
		}
		second, err := krpc.Decode(again)
		first.Version = kad.Version
		if err != nil || !reflect.DeepEqual(first, second) {
			t.Fatalf("got %s, %v; want %s", show(second), err, show(first))
		}
	})
}

// What passes the guard is canonical: the library reads it in bounded memory
// and writes the same bytes again.
func FuzzCheck(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, wire []byte) {
		if krpc.Check(wire) != nil {
			return
		}
		var value any
		spent := allocated(func() {
			if err := bencode.DecodeBytes(wire, &value); err != nil {
				t.Fatal(err)
			}
		})
		if spent > 64<<10+1024*uint64(len(wire)) {
			t.Fatalf("%d bytes allocated for %d", spent, len(wire))
		}
		again, err := bencode.EncodeBytes(value)
		if err != nil || string(again) != string(wire) {
			t.Fatalf("got %q, %v", again, err)
		}
	})
}

func addSeeds(f *testing.F) {
	for _, v := range vectors {
		f.Add(encoded(f, v.message))
	}
	for _, m := range malformed {
		f.Add([]byte(m.wire))
	}
	for _, h := range hostile {
		if len(h.wire) < 1000 {
			f.Add([]byte(h.wire))
		}
	}
}
