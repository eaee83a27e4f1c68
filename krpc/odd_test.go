package krpc_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// disturb puts something into m that is odd.
func disturb(r *rand.Rand, m *krpc.Message) {
	long := strings.Repeat("l", 64+r.IntN(2))
	number := []uint64{0, 1, 1<<63 - 1, 1 << 63, 1<<64 - 1}[r.IntN(5)]
	entry := randomEntry(r)
	entry.Age, entry.TTL, entry.Seq = oddDuration(r), oddDuration(r), r.Int64()-r.Int64()
	if r.IntN(2) == 0 {
		entry.Value = nil
	}
	switch r.IntN(4) {
	case 0:
		m.Tx = long[:16+r.IntN(2)]
	case 1:
		m.Version = r.IntN(9) - 4
	}
	if m.Query != nil {
		q := m.Query
		q.Method = []krpc.Method{krpc.Ping, krpc.FindNode, krpc.FindValue, krpc.StoreValue, "", "other"}[r.IntN(6)]
		q.Token, q.Cursor, q.Any, q.Cache, q.Client, q.Entry = long, number, r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0, entry
		q.Hot, q.Who = r.IntN(2) == 0, r.IntN(2) == 0
		return
	}
	reply := m.Reply
	reply.Token, reply.Next, reply.Same, reply.Split = long, number, r.IntN(4) == 0, r.IntN(4) == 0
	if r.IntN(4) == 0 {
		reply.Hot = number
	}
	switch r.IntN(4) {
	case 0:
		reply.Entries = []krpc.Entry{} // none, but not nil
	case 1:
		reply.Entries = append(reply.Entries, entry)
	}
	if r.IntN(2) == 0 {
		reply.Marks = []uint64{}
	}
	for i := range reply.Contacts {
		reply.Contacts[i] = oddContact(r, reply.Contacts[i])
	}
}

func oddDuration(r *rand.Rand) time.Duration {
	return []time.Duration{-time.Second, -1, 0, 1, time.Second - 1, time.Second, 1<<63 - 1}[r.IntN(7)]
}

// oddContact is one made by hand: without a key, with an address that nobody
// can be asked at, or that is in the other's place.
func oddContact(r *rand.Rand, c kad.Contact) kad.Contact {
	odd := []string{"224.0.0.1:1", "0.0.0.0:1", "192.0.2.1:0", "[::]:1", "[ff02::1]:1", "[::ffff:192.0.2.1]:1", "[fe80::1%eth0]:1", "192.0.2.9:9", "[2001:db8::9]:9"}
	switch r.IntN(5) {
	case 0:
		c.Key = kad.PublicKey{}
	case 1:
		c.V4, c.V6 = c.V6, c.V4
	case 2:
		c.V4 = netip.MustParseAddrPort(odd[r.IntN(len(odd))])
	case 3:
		c.V6 = netip.MustParseAddrPort(odd[r.IntN(len(odd))])
	}
	return c
}

// cutMessage cuts a message into its strings, integers, and the ends of its
// containers.
func cutMessage(wire string) (pieces []string) {
	for wire != "" {
		n := 1
		switch {
		case wire[0] == 'i':
			n = strings.IndexByte(wire, 'e') + 1
		case '0' <= wire[0] && wire[0] <= '9':
			length, _, _ := strings.Cut(wire, ":")
			content, _ := strconv.Atoi(length)
			n = len(length) + 1 + content
		}
		pieces, wire = append(pieces, wire[:n]), wire[n:]
	}
	return pieces
}

// mutate changes one piece.
func mutate(r *rand.Rand, cut, pieces []string) []string {
	if len(cut) == 0 {
		return cut
	}
	at := r.IntN(len(cut))
	piece := cut[at]
	number := []string{"0", "1", "2", "-1", "-0", "00", "01", "", "9223372036", "9223372037", "9223372036854775807", "9223372036854775808"}[r.IntN(12)]
	switch r.IntN(8) {
	case 0: // left out
		return append(cut[:at], cut[at+1:]...)
	case 1: // once more
		return append(cut[:at], append([]string{piece}, cut[at:]...)...)
	case 2: // changed with its neighbour
		other := (at + 1) % len(cut)
		cut[at], cut[other] = cut[other], piece
	case 3: // another's
		cut[at] = pieces[r.IntN(len(pieces))]
	case 4: // a key that nobody knows, or somebody, and its value
		pair := []string{[]string{"1:!", "1:b", "1:w", "2:zz", "3:any", "1:t", "5:token", "3:who", "0:"}[r.IntN(9)], pieces[r.IntN(len(pieces))]}
		return append(cut[:at], append(pair, cut[at:]...)...)
	case 5: // an integer
		cut[at] = "i" + number + "e"
	case 6: // a string of another length, or one that lies about it
		if length, content, found := strings.Cut(piece, ":"); found && piece[0] != 'i' {
			cut[at] = number + ":" + content
			if r.IntN(4) != 0 {
				content += length
				content = content[:r.IntN(len(content)+1)]
				cut[at] = fmt.Sprintf("%d:%s", len(content), content)
			}
		}
	case 7: // a byte
		broken := []byte(piece)
		broken[r.IntN(len(broken))] = byte(r.Uint32())
		cut[at] = string(broken)
	}
	return cut
}
