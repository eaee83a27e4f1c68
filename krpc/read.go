package krpc

import (
	"bytes"
	"math"

	kad "github.com/khashmir/kad"
)

// read reads the messages that write writes, in one pass. What it reads is what
// decode would have read. It knows the keys in their order and nothing else; any
// other message, a faulty one too, it leaves to decode: ok is false.
func read(b []byte) (m Message, ok bool) {
	if len(b) > kad.MaxMessageSize {
		return Message{}, false
	}
	r := reader{guard: guard{b: b, items: 1}}
	r.want(r.skip("d"))
	kind := "1:r"
	var contacts packedContacts
	if r.key("1:r") {
		m.Reply = new(Reply)
		contacts = r.values(m.Reply)
	} else {
		kind = "1:q"
		m.Query = new(Query)
		r.query(m.Query)
	}
	if r.key("1:t") {
		m.Tx = r.text(maxTxSize)
	}
	if r.key("1:v") {
		m.Version = int(r.integer(math.MaxInt64))
	}
	r.want(r.key("1:y") && r.skip(kind) && r.skip("e") && r.pos == len(b))
	if r.lost || r.items > kad.MaxMessageItems {
		return Message{}, false
	}
	if m.Reply != nil {
		// Last: a contact costs a hash, and decode may yet have to read it.
		var err error
		if m.Reply.Contacts, err = unpackContacts(contacts.nodes, contacts.nodes6); err != nil {
			return Message{}, false
		}
	}
	return m, true
}

// arguments tells by its keys which queries an a may belong to: the method
// comes after it.
type arguments int

const (
	noArguments arguments = iota
	pingArguments
	targetArguments
	searchArguments // a target, and what only a find_value has
	storeArguments
)

func (r *reader) query(q *Query) {
	args := noArguments
	if r.key("1:a") {
		args = r.args(q)
	}
	r.want(r.key("1:q"))
	// A query that has other arguments than its own is decode's.
	switch method := r.content(); {
	case string(method) == string(Ping) && (args == noArguments || args == pingArguments):
		q.Method = Ping
	case string(method) == string(FindNode) && args == targetArguments:
		q.Method = FindNode
	case string(method) == string(FindValue) && (args == targetArguments || args == searchArguments):
		q.Method = FindValue
	case string(method) == string(StoreValue) && args == storeArguments:
		q.Method = StoreValue
	default:
		r.want(false)
	}
	if r.key("2:ro") {
		q.Client = r.integer(math.MaxInt64) != 0
	}
}

func (r *reader) args(q *Query) arguments {
	r.want(r.skip("d"))
	if r.key("3:who") {
		q.Who = r.integer(math.MaxInt64) != 0
		r.want(r.skip("e"))
		return pingArguments
	}
	args := targetArguments
	if r.key("3:any") {
		args, q.Any = searchArguments, r.integer(math.MaxInt64) != 0
	}
	if args == targetArguments && (r.at("5:cache") || r.at("5:entry")) {
		return r.storeArgs(q)
	}
	if r.key("6:cursor") {
		args, q.Cursor = searchArguments, uint64(r.integer(math.MaxInt64))
	}
	if r.key("3:hot") {
		args, q.Hot = searchArguments, r.integer(math.MaxInt64) != 0
	}
	r.want(r.key("6:target"))
	r.fill(q.Target[:])
	r.want(r.skip("e"))
	return args
}

func (r *reader) storeArgs(q *Query) arguments {
	if r.key("5:cache") {
		q.Cache = r.integer(math.MaxInt64) != 0
	}
	r.want(r.key("5:entry"))
	r.entry(&q.Entry)
	r.want(r.key("3:key"))
	r.fill(q.Target[:])
	if r.key("5:token") {
		q.Token = r.text(maxTokenSize)
	}
	r.want(r.skip("e"))
	return storeArguments
}

// packedContacts are the lists of an answer as they came.
type packedContacts struct{ nodes, nodes6 []byte }

func (r *reader) values(to *Reply) (contacts packedContacts) {
	r.want(r.skip("d"))
	if r.key("7:entries") {
		r.entries(to)
	}
	if r.key("3:hot") {
		to.Hot = uint64(r.integer(math.MaxInt64))
	}
	if r.key("1:k") {
		r.fill(to.Key[:])
	}
	if r.key("4:next") {
		to.Next = uint64(r.integer(math.MaxInt64))
	}
	if r.key("5:nodes") {
		contacts.nodes = r.content()
	}
	if r.key("6:nodes6") {
		contacts.nodes6 = r.content()
	}
	if r.key("5:token") {
		to.Token = r.text(maxTokenSize)
	}
	r.want(r.skip("e"))
	return contacts
}

func (r *reader) entries(to *Reply) {
	r.want(r.skip("l"))
	for r.at("d") {
		if r.items++; r.items > kad.MaxMessageItems {
			r.want(false)
			return
		}
		var e Entry
		r.entry(&e)
		to.Entries = append(to.Entries, e)
	}
	r.want(r.skip("e"))
}

func (r *reader) entry(e *Entry) {
	r.want(r.skip("d"))
	if r.key("1:a") {
		e.Age = r.seconds()
	}
	if r.key("1:d") {
		e.Removed = r.integer(math.MaxInt64) != 0
	}
	if r.key("1:l") {
		e.TTL = r.seconds()
	}
	if r.key("1:n") {
		e.Seq = r.integer(math.MaxInt64)
	}
	if r.key("1:p") {
		r.fill(e.Publisher[:])
	}
	if r.key("1:s") {
		r.fill(e.Signature[:])
	}
	r.want(r.key("1:v"))
	e.Value = bytes.Clone(r.content())
	r.want(r.skip("e"))
}
