package sim

import (
	"math/rand/v2"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// The simulator's arithmetic is held to what the encoder writes.
func TestSizesAreThoseOfTheEncoder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	bytes := func(n int) []byte { return make([]byte, n) }
	entry := func() krpc.Entry {
		e := krpc.Entry{
			Value: bytes(random.IntN(300)), TTL: time.Duration(random.IntN(1e6)) * time.Second,
			Age: time.Duration(random.IntN(1e6)) * time.Second, Seq: random.Int64() >> random.IntN(60), Removed: random.IntN(3) == 0,
		}
		if random.IntN(2) == 0 {
			e.Publisher, e.Signature = kad.PublicKey{1}, kad.Signature{1}
		}
		return e
	}
	for range 2000 {
		q := krpc.Query{
			Method: []krpc.Method{krpc.Ping, krpc.FindNode, krpc.FindValue, krpc.StoreValue, krpc.Compare}[random.IntN(5)],
			Target: kad.RandomID(random), Cursor: uint64(random.IntN(2) * random.IntN(1e9)), Token: string(bytes(random.IntN(2) * 8)),
			Any: random.IntN(2) == 0, Hot: random.IntN(2) == 0, Cache: random.IntN(2) == 0, Client: random.IntN(2) == 0, Who: random.IntN(2) == 0,
			Entry: entry(), Range: kad.NewRange(kad.RandomID(random), random.IntN(161)), Digest: kad.Digest{Count: random.IntN(5000), Sum: random.Uint64()},
		}
		if b, err := krpc.Encode(krpc.Message{Query: &q}); err != nil || len(b) != querySize(&q) {
			t.Fatalf("%s has %d bytes, not %d: %v\n%q", q.Method, len(b), querySize(&q), err, b)
		}
		r := krpc.Reply{Token: string(bytes(random.IntN(2) * 8)), Next: uint64(random.IntN(2) * random.IntN(1e9)), Hot: uint64(random.IntN(2) * random.IntN(1e3))}
		switch random.IntN(5) {
		case 0:
			r.Error = &krpc.Error{Code: random.IntN(400), Message: "no"}
		case 1:
			r.Key = kad.PublicKey{1}
		case 2:
			r.Same, r.Split = random.IntN(2) == 0, random.IntN(2) == 0
			for range random.IntN(20) {
				r.Marks = append(r.Marks, random.Uint64())
			}
		default:
			for i := range random.IntN(9) {
				r.Contacts = append(r.Contacts, kad.NewContact(kad.PublicKey{byte(i + 1)}, addrOf(int32(i))))
			}
			for range random.IntN(3) {
				r.Entries = append(r.Entries, entry())
			}
		}
		if b, err := krpc.Encode(krpc.Message{Reply: &r}); err != nil || len(b) != replySize(&r) {
			t.Fatalf("a reply has %d bytes, not %d: %v\n%q", len(b), replySize(&r), err, b)
		}
	}
}
