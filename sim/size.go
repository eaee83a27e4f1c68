package sim

import (
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
)

// The length of messages as krpc.Encode would write them, in bytes, without
// writing them; a test holds the two together. Contacts here have one address,
// of IPv4. The transport adds to each question 84 bytes for identity and
// encryption and to each answer 52, and pads questions whose answers are long;
// none of that is counted (docs/PROTOCOL.md).

func querySize(q *krpc.Query) int {
	const envelope = len("d1:q1:v1:y1:q") + len("i1e") + len("e")
	n := envelope + text(len(q.Method)) + flag("2:ro", q.Client)
	switch q.Method {
	case krpc.Ping:
		if q.Who {
			n += len("1:ade") + flag("3:who", q.Who)
		}
	case krpc.FindNode:
		n += len("1:ad6:targete") + text(kad.IDSize)
	case krpc.FindValue:
		n += len("1:ad6:targete") + text(kad.IDSize) + some("6:cursor", int64(q.Cursor)) + flag("3:any", q.Any) + flag("3:hot", q.Hot)
	case krpc.StoreValue:
		n += len("1:ad5:entry3:keye") + entrySize(&q.Entry) + text(kad.IDSize) + someText("5:token", len(q.Token)) + flag("5:cache", q.Cache)
	case krpc.Compare:
		n += len("1:ad4:bits5:count6:prefix3:sume") + integer(int64(q.Range.Bits)) + integer(int64(q.Digest.Count)) +
			text(kad.IDSize) + text(8)
	}
	return n
}

func replySize(r *krpc.Reply) int {
	const envelope = len("d1:v1:y1:re") + len("i1e")
	if r.Error != nil {
		return envelope + len("1:ele") + integer(int64(r.Error.Code)) + text(len(r.Error.Message))
	}
	n := envelope + len("1:rde")
	if len(r.Entries) > 0 {
		n += len("7:entriesle")
		for i := range r.Entries {
			n += entrySize(&r.Entries[i])
		}
	}
	if !r.Key.IsZero() {
		n += someText("1:k", len(r.Key))
	}
	n += someText("5:marks", 8*len(r.Marks)) + some("4:next", int64(r.Next)) +
		someText("5:nodes", 38*len(r.Contacts)) + someText("5:token", len(r.Token))
	return n + some("3:hot", int64(r.Hot)) + flag("4:same", r.Same) + flag("5:split", r.Split)
}

func entrySize(e *krpc.Entry) int {
	n := len("d1:ve") + text(len(e.Value)) + some("1:a", int64(e.Age/time.Second)) + some("1:l", int64(e.TTL/time.Second)) + some("1:n", e.Seq)
	n += flag("1:d", e.Removed)
	if !e.Publisher.IsZero() {
		n += someText("1:p", len(e.Publisher))
	}
	if e.Signature != (kad.Signature{}) {
		n += someText("1:s", len(e.Signature))
	}
	return n
}

// text is a string of n bytes, integer a number; some is a key with a number
// that travels unless it is 0, and so flag with a bool and someText with a string.
func text(n int) int { return digits(int64(n)) + len(":") + n }

func integer(n int64) int { return len("ie") + digits(n) }

func some(key string, n int64) int {
	if n == 0 {
		return 0
	}
	return len(key) + integer(n)
}

func flag(key string, is bool) int {
	if is {
		return some(key, 1)
	}
	return 0
}

func someText(key string, n int) int {
	if n == 0 {
		return 0
	}
	return len(key) + text(n)
}

func digits(n int64) int {
	count := 1
	if n < 0 {
		count, n = 2, -n
	}
	for ; n >= 10; n /= 10 {
		count++
	}
	return count
}
