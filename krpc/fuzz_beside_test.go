package krpc_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// Whatever bytes come: what is read by hand is what the library reads.
func FuzzReadByHand(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, wire []byte) { readAlike(t, wire) })
}

// Whatever is to be sent: what is written by hand is what the library writes.
func FuzzWriteByHand(f *testing.F) {
	for _, v := range vectors {
		method, cursor, token, value := "", uint64(0), "", []byte(nil)
		if q := v.message.Query; q != nil {
			method, cursor, token, value = string(q.Method), q.Cursor, q.Token, q.Entry.Value
		}
		f.Add(method, v.message.Tx, token, cursor, value, int64(time.Hour), int64(7), uint8(1), []byte("\xc0\x00\x02\x01\x1a\xe1"))
	}
	f.Fuzz(func(t *testing.T, method, tx, token string, cursor uint64, value []byte, age, seq int64, flags uint8, addrs []byte) {
		is := func(bit int) bool { return flags>>bit&1 != 0 }
		entry := krpc.Entry{Value: value, Age: time.Duration(age), TTL: time.Duration(seq), Seq: seq, Removed: is(0)}
		if is(1) {
			copy(entry.Publisher[:], token)
			copy(entry.Signature[:], tx)
		}
		m := krpc.Message{Tx: tx}
		if method != "" {
			q := krpc.Query{Method: krpc.Method(method), Who: is(0), Cursor: cursor, Any: is(2), Hot: is(5), Token: token, Entry: entry, Cache: is(3), Client: is(4)}
			copy(q.Target[:], value)
			m.Query = &q
		}
		if method == "" || is(7) && is(6) && is(5) {
			r := krpc.Reply{Key: entry.Publisher, Contacts: contactsOf(addrs, is(4)), Token: token, Next: cursor, Hot: cursor * uint64(flags&1), Same: is(5) && is(6)}
			for range flags >> 6 {
				r.Entries = append(r.Entries, entry)
			}
			m.Reply = &r
		}
		wroteAlike(t, m)
	})
}

// contactsOf makes a contact of each 6 or 18 bytes, some of them without a key
// or with an address in the other's place.
func contactsOf(addrs []byte, v6 bool) (contacts []kad.Contact) {
	size := 6
	if v6 {
		size = 18
	}
	for packed := range slices.Chunk(addrs, size) {
		if len(packed) < size {
			break
		}
		ip, _ := netip.AddrFromSlice(packed[:size-2])
		addr := netip.AddrPortFrom(ip, binary.BigEndian.Uint16(packed[size-2:]))
		c := kad.NewContact(key(packed[0]), addr)
		switch packed[size-1] % 3 {
		case 0:
			c.V4 = addr
		case 1:
			c.V6 = addr
		}
		contacts = append(contacts, c)
	}
	return contacts
}
