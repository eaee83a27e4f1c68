package kad_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
)

func signed(seed byte) (kad.ID, kad.Entry) {
	key := kad.HashID([]byte("key"))
	e := kad.Entry{Value: []byte("value"), TTL: time.Hour, Seq: 7, Created: time.Unix(1, 0)}
	e.Sign(key, private(seed))
	return key, e
}

func private(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), seed))
}

func TestASignatureIsOfAllThatThePublisherSaid(t *testing.T) {
	key, e := signed(1)
	if !e.Authentic(key) || e.Publisher != kad.PublicKeyOf(private(1)) {
		t.Fatal("what was signed is not authentic")
	}
	for name, change := range map[string]func(*kad.ID, *kad.Entry){
		"key":       func(k *kad.ID, _ *kad.Entry) { k[19]++ },
		"value":     func(_ *kad.ID, e *kad.Entry) { e.Value = []byte("valve") },
		"publisher": func(_ *kad.ID, e *kad.Entry) { e.Publisher = kad.PublicKeyOf(private(2)) },
		"lifetime":  func(_ *kad.ID, e *kad.Entry) { e.TTL += time.Second },
		"seq":       func(_ *kad.ID, e *kad.Entry) { e.Seq++ },
		"removed":   func(_ *kad.ID, e *kad.Entry) { hash := e.Hash(); e.Removed, e.Value = true, hash[:] },
		"signature": func(_ *kad.ID, e *kad.Entry) { e.Signature[0]++ },
	} {
		k, forged := key, e
		change(&k, &forged)
		if forged.Authentic(k) {
			t.Errorf("with another %s it is still authentic", name)
		}
		if forged.Mark(k) == e.Mark(key) && name != "signature" {
			t.Errorf("with another %s it has the same mark", name)
		}
	}
	aged := e
	aged.Created = aged.Created.Add(-time.Minute)
	if !aged.Authentic(key) || aged.Mark(key) != e.Mark(key) {
		t.Error("a copy that is older than the first is another entry")
	}
}

func TestARemovedEntryKeepsTheHashOfItsValue(t *testing.T) {
	_, e := signed(1)
	hash := e.Hash()
	removed := kad.Entry{Removed: true, Value: hash[:]}
	if removed.Hash() != hash {
		t.Error("the hash of a removed entry is not its value's")
	}
}

func TestEqualDigestsWhateverTheOrder(t *testing.T) {
	var a, b, less kad.Digest
	for _, mark := range []uint64{1, 1 << 63, 1<<63 + 5} {
		a.Add(mark)
	}
	for _, mark := range []uint64{1<<63 + 5, 1, 1 << 63} {
		b.Add(mark)
	}
	less.Add(1)
	if a != b || a == less || a.Count != 3 {
		t.Errorf("digests %v and %v, and of less %v", a, b, less)
	}
}
