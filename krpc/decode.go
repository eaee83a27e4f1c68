package krpc

import (
	"fmt"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
)

// Decode reads a message that anybody may have sent. It keeps nothing of b.
//
// Keys it does not know are ignored; a method it does not know makes a Query
// of that name, whatever its arguments. A contact's ID is derived from its
// key. Contacts without a key or a usable address are left out. The order of
// Contacts is that of the IPv4 list, then what only the IPv6 list has: each
// list is closest first, the whole is not where a contact has only IPv6. A
// key that stands twice in a list counts where it stands first.
//
// An error is always an *Error with CodeProtocol, fit to be the answer. The
// Message then holds the transaction id as far as it could be read, and a
// Query, of which only the method counts, if the message called itself one:
// those deserve the answer, a broken reply deserves none.
func Decode(b []byte) (Message, error) {
	if m, ok := read(b); ok {
		return m, nil
	}
	return decode(b)
}

// decode reads any message, through the bencode library. It is what says what a
// message means and what is wrong with it; read is a shorter way to the same.
func decode(b []byte) (Message, error) {
	if err := Check(b); err != nil {
		return Message{}, malformed("not a message: %v", err)
	}
	// The keys come in order, so a wrong type in v or y leaves t read.
	var env envelope
	wrongType := unmarshal(b, &env)
	if len(env.Tx) > maxTxSize {
		return Message{}, malformed("t has %d bytes, over the limit of %d", len(env.Tx), maxTxSize)
	}
	m := Message{Version: int(env.Version), Tx: env.Tx}
	if wrongType != nil {
		return m, malformed("t, v or y is of the wrong type")
	}
	var err error
	switch env.Kind {
	case kindQuery:
		m.Query, err = decodeQuery(env)
	case kindReply:
		m.Reply, err = decodeReply(env)
	case kindError:
		m.Reply, err = decodeError(env)
	default:
		err = malformed("y is none of q, r and e")
	}
	return m, err
}

// decodeQuery gives back a query even when it fails, with the method if that
// could be read.
func decodeQuery(env envelope) (*Query, error) {
	name, ok := text(env.Method)
	if !ok || len(name) == 0 {
		return &Query{}, malformed("q is missing or not a name")
	}
	if len(name) > maxMethodSize {
		return &Query{}, malformed("q has %d bytes, over the limit of %d", len(name), maxMethodSize)
	}
	q := &Query{Method: Method(name)}
	var err error
	switch q.Method {
	case Ping:
		err = q.readPing(env.Args)
	case FindNode:
		err = q.readFindNode(env.Args)
	case FindValue:
		err = q.readFindValue(env.Args)
	case StoreValue:
		err = q.readStoreValue(env.Args)
	case Compare:
		err = q.readCompare(env.Args)
	}
	if err == nil {
		err = q.readClient(env.Client)
	}
	if err != nil {
		return &Query{Method: q.Method}, err
	}
	return q, nil
}

// readClient takes a missing flag for none.
func (q *Query) readClient(raw []byte) error {
	if raw == nil {
		return nil
	}
	n, ok := integer(raw)
	if !ok {
		return malformed("ro is not an integer")
	}
	q.Client = n != 0
	return nil
}

// readPing takes missing arguments for none.
func (q *Query) readPing(raw []byte) error {
	if raw == nil {
		return nil
	}
	var args pingArgs
	if err := readDict(raw, &args, "a"); err != nil {
		return err
	}
	q.Who = args.Who != 0
	return nil
}

func (q *Query) readFindNode(raw []byte) (err error) {
	var args findNodeArgs
	if err := readDict(raw, &args, "a"); err != nil {
		return err
	}
	q.Target, err = readID(args.Target, "target")
	return err
}

func (q *Query) readFindValue(raw []byte) (err error) {
	var args findValueArgs
	if err := readDict(raw, &args, "a"); err != nil {
		return err
	}
	if q.Cursor, err = readCount(args.Cursor, "cursor"); err != nil {
		return err
	}
	q.Any, q.Hot = args.Any != 0, args.Hot != 0
	q.Target, err = readID(args.Target, "target")
	return err
}

func (q *Query) readStoreValue(raw []byte) (err error) {
	var args storeValueArgs
	if err := readDict(raw, &args, "a"); err != nil {
		return err
	}
	if q.Target, err = readID(args.Key, "key"); err != nil {
		return err
	}
	if q.Token, err = readToken(args.Token); err != nil {
		return err
	}
	q.Cache = args.Cache != 0
	q.Entry, err = readEntry(args.Entry)
	return err
}

func (q *Query) readCompare(raw []byte) error {
	var args compareArgs
	if err := readDict(raw, &args, "a"); err != nil {
		return err
	}
	prefix, err := readID(args.Prefix, "prefix")
	if err != nil {
		return err
	}
	q.Range = kad.Range{Prefix: prefix, Bits: int(args.Bits)}
	if args.Bits < 0 || args.Bits > 8*kad.IDSize || q.Range != kad.NewRange(prefix, q.Range.Bits) {
		return malformed("bits and prefix are not those of a range")
	}
	if args.Count < 0 || len(args.Sum) != markSize {
		return malformed("count is negative, or sum has not %d bytes", markSize)
	}
	q.Digest = kad.Digest{Count: int(args.Count), Sum: readMarks(args.Sum)[0]}
	return nil
}

func decodeReply(env envelope) (*Reply, error) {
	var values wireValues
	if err := readDict(env.Values, &values, "r"); err != nil {
		return nil, err
	}
	var r Reply
	var err error
	if r.Key, err = readKey(values.Key, "k"); err != nil {
		return nil, err
	}
	if r.Contacts, err = unpackContacts([]byte(values.Nodes), []byte(values.Nodes6)); err != nil {
		return nil, err
	}
	if r.Token, err = readToken(values.Token); err != nil {
		return nil, err
	}
	if r.Next, err = readCount(values.Next, "next"); err != nil {
		return nil, err
	}
	if len(values.Marks)%markSize != 0 {
		return nil, malformed("marks are not of %d bytes each", markSize)
	}
	if r.Hot, err = readCount(values.Hot, "hot"); err != nil {
		return nil, err
	}
	r.Same, r.Split, r.Marks = values.Same != 0, values.Split != 0, readMarks(values.Marks)
	for _, w := range values.Entries {
		entry, err := readEntry(w)
		if err != nil {
			return nil, err
		}
		r.Entries = append(r.Entries, entry)
	}
	return &r, nil
}

func decodeError(env envelope) (*Reply, error) {
	var list []bencode.RawMessage
	if env.Error == nil || unmarshal(env.Error, &list) != nil || len(list) != 2 {
		return nil, malformed("e is not a list of a code and a message")
	}
	code, isInteger := integer(list[0])
	message, isText := text(list[1])
	if !isInteger || !isText {
		return nil, malformed("e is not a list of a code and a message")
	}
	if code != int64(int32(code)) {
		return nil, malformed("e has a code of more than 32 bits")
	}
	return &Reply{Error: &Error{Code: int(code), Message: printable(string(message))}}, nil
}

func malformed(format string, args ...any) error {
	return &Error{Code: CodeProtocol, Message: fmt.Sprintf(format, args...)}
}
