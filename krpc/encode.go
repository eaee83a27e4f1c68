package krpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
)

// Encode is m in bencode, at most kad.MaxMessageSize bytes. The version is
// always ours. Only the fields that count for the method travel; of a reply
// with an Error nothing else does, and its sentence travels as printable text
// of at most 256 bytes.
//
// Contacts travel in their order, those with an IPv4 address in one list and
// those with an IPv6 address in another; one without a key or a usable
// address is left out.
//
// The error says which field cannot travel: a token or transaction id that is
// too long, a negative age, a cursor over 2^63-1, too much in all.
func Encode(m Message) ([]byte, error) {
	if b, ok := write(m); ok {
		return b, nil
	}
	b, err := encode(m)
	if err != nil {
		return nil, fmt.Errorf("krpc: encode: %w", err)
	}
	return b, nil
}

// encode writes any message, through the bencode library. It is what says how a
// message looks; write is a shorter way to the same bytes.
func encode(m Message) ([]byte, error) {
	if (m.Query == nil) == (m.Reply == nil) {
		return nil, errors.New("want a query or a reply, one of the two")
	}
	if len(m.Tx) > maxTxSize {
		return nil, fmt.Errorf("a transaction id of %d bytes is over the limit of %d", len(m.Tx), maxTxSize)
	}
	env := envelope{Tx: m.Tx, Version: kad.Version}
	var err error
	switch {
	case m.Query != nil:
		err = env.setQuery(*m.Query)
	case m.Reply.Error != nil:
		err = env.setError(*m.Reply.Error)
	default:
		err = env.setReply(*m.Reply)
	}
	if err != nil {
		return nil, err
	}
	b, err := bencode.EncodeBytes(env)
	if err != nil {
		return nil, err
	}
	// What the other side's guard would refuse is refused here already.
	if err := Check(b); err != nil {
		return nil, err
	}
	return b, nil
}

func (env *envelope) setQuery(q Query) (err error) {
	if len(q.Method) == 0 || len(q.Method) > maxMethodSize {
		return fmt.Errorf("a method's name has 1 to %d bytes, not %d", maxMethodSize, len(q.Method))
	}
	env.Kind = kindQuery
	env.Method = rawText([]byte(q.Method))
	if q.Client {
		env.Client = []byte("i1e")
	}
	switch q.Method {
	case Ping:
		if q.Who {
			env.Args, err = bencode.EncodeBytes(pingArgs{Who: flag(q.Who)})
		}
	case FindNode:
		env.Args, err = bencode.EncodeBytes(findNodeArgs{Target: string(q.Target[:])})
	case FindValue:
		env.Args, err = encodeFindValue(q)
	case StoreValue:
		env.Args, err = encodeStoreValue(q)
	case Compare:
		env.Args, err = encodeCompare(q)
	}
	return err
}

func encodeFindValue(q Query) ([]byte, error) {
	cursor, err := encodeCount(q.Cursor, "cursor")
	if err != nil {
		return nil, err
	}
	return bencode.EncodeBytes(findValueArgs{Any: flag(q.Any), Cursor: cursor, Hot: flag(q.Hot), Target: string(q.Target[:])})
}

func encodeStoreValue(q Query) ([]byte, error) {
	entry, err := encodeEntry(q.Entry)
	if err != nil {
		return nil, err
	}
	if err := checkToken(q.Token); err != nil {
		return nil, err
	}
	return bencode.EncodeBytes(storeValueArgs{Cache: flag(q.Cache), Entry: entry, Key: string(q.Target[:]), Token: q.Token})
}

func encodeCompare(q Query) ([]byte, error) {
	if q.Digest.Count < 0 || q.Range != kad.NewRange(q.Range.Prefix, q.Range.Bits) {
		return nil, errors.New("a digest of less than nothing, or of no range")
	}
	return bencode.EncodeBytes(compareArgs{
		Bits:   int64(q.Range.Bits),
		Count:  int64(q.Digest.Count),
		Prefix: string(q.Range.Prefix[:]),
		Sum:    packMarks(q.Digest.Sum),
	})
}

func (env *envelope) setError(e Error) (err error) {
	if e.Code != int(int32(e.Code)) {
		return errors.New("an error's code has at most 32 bits")
	}
	env.Kind = kindError
	env.Error, err = bencode.EncodeBytes([]any{e.Code, printable(e.Message)})
	return err
}

func (env *envelope) setReply(r Reply) error {
	values, err := encodeValues(r)
	if err != nil {
		return err
	}
	env.Kind = kindReply
	env.Values, err = bencode.EncodeBytes(values)
	return err
}

func encodeValues(r Reply) (values wireValues, err error) {
	if err := checkToken(r.Token); err != nil {
		return values, err
	}
	values.Token = r.Token
	if values.Next, err = encodeCount(r.Next, "cursor"); err != nil {
		return values, err
	}
	if !r.Key.IsZero() {
		values.Key = string(r.Key[:])
	}
	nodes, nodes6 := packContacts(r.Contacts)
	values.Nodes, values.Nodes6 = string(nodes), string(nodes6)
	if values.Hot, err = encodeCount(r.Hot, "hot"); err != nil {
		return values, err
	}
	values.Same, values.Split, values.Marks = flag(r.Same), flag(r.Split), packMarks(r.Marks...)
	for _, e := range r.Entries {
		entry, err := encodeEntry(e)
		if err != nil {
			return values, err
		}
		values.Entries = append(values.Entries, entry)
	}
	return values, nil
}

func encodeEntry(e Entry) (wireEntry, error) {
	if e.Age < 0 || e.TTL < 0 || e.Seq < 0 {
		return wireEntry{}, fmt.Errorf("an entry's age %v, lifetime %v or number %d is negative", e.Age, e.TTL, e.Seq)
	}
	entry := wireEntry{
		Age:     int64(e.Age / time.Second),
		Removed: flag(e.Removed),
		TTL:     int64(e.TTL / time.Second),
		Seq:     e.Seq,
		Value:   rawText(e.Value),
	}
	if e.Signature != (kad.Signature{}) {
		entry.Signature = string(e.Signature[:])
	}
	if !e.Publisher.IsZero() {
		entry.Publisher = string(e.Publisher[:])
	}
	return entry, nil
}

// packMarks writes each mark as 8 bytes, big endian.
func packMarks(marks ...uint64) string {
	b := make([]byte, 0, markSize*len(marks))
	for _, mark := range marks {
		b = binary.BigEndian.AppendUint64(b, mark)
	}
	return string(b)
}

// flag is 1 for what is so; what is not does not travel.
func flag(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// rawText is s as a bencoded string.
func rawText(s []byte) []byte {
	raw := strconv.AppendInt(make([]byte, 0, len(s)+8), int64(len(s)), 10)
	raw = append(raw, ':')
	return append(raw, s...)
}

// encodeCount: bencode's integers are signed.
func encodeCount(n uint64, name string) (int64, error) {
	if n > math.MaxInt64 {
		return 0, fmt.Errorf("the %s %d is over 2^63-1", name, n)
	}
	return int64(n), nil
}

func checkToken(token string) error {
	if len(token) > maxTokenSize {
		return fmt.Errorf("a token of %d bytes is over the limit of %d", len(token), maxTokenSize)
	}
	return nil
}
