package web

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

// keyOf is what a key in a path means: 40 hexadecimal digits are an ID, anything
// else is hashed.
func keyOf(text string) khashmir.ID {
	if id, err := khashmir.ParseID(text); err == nil {
		return id
	}
	return khashmir.HashID([]byte(text))
}

func contactOf(c khashmir.Contact) api.Contact {
	said := api.Contact{ID: c.ID.String()}
	if c.Reachable() {
		said.Addr = c.Addr().String()
	}
	return said
}

// contactsOf is never nil: a list is said to be empty.
func contactsOf(all []khashmir.Contact) []api.Contact {
	said := make([]api.Contact, 0, len(all))
	for _, c := range all {
		said = append(said, contactOf(c))
	}
	return said
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func valueOf(value []byte, after time.Duration) api.Value {
	said := api.Value{Bytes: value, AfterMs: milliseconds(after)}
	if text := string(value); showable(text) {
		said.Text = &text
	}
	return said
}

// showable: text is UTF-8, and nothing in it does anything to a terminal.
func showable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && r != '\t' && !unicode.IsPrint(r)
	})
}

func resultOf(r khashmir.Result, took time.Duration, err error) api.Result {
	said := api.Result{
		Key:       r.Key.String(),
		Stored:    contactsOf(r.Stored),
		Questions: r.Questions,
		Hops:      r.Hops,
		GoesOn:    r.GoesOn,
		TookMs:    milliseconds(took),
		Error:     problemOf(err),
	}
	for _, refused := range r.Refused {
		said.Refused = append(said.Refused, api.Refusal{Contact: contactOf(refused.Contact), Error: *problemOf(refused.Err)})
	}
	return said
}

func lookupOf(l khashmir.Lookup) api.Lookup {
	return api.Lookup{
		Number:    l.Number,
		Target:    l.Target.String(),
		Values:    l.Values,
		Closest:   contactsOf(l.Closest),
		Questions: l.Questions,
		Answers:   l.Answers,
		Hops:      l.Hops,
		TookMs:    milliseconds(l.Took),
		Error:     problemOf(l.Err),
	}
}

func stepOf(s khashmir.Step) api.Step {
	said := api.Step{
		Number:  s.Number,
		Target:  s.Target.String(),
		Kind:    string(s.Kind),
		At:      s.At,
		Contact: contactOf(s.Contact),
		Values:  s.Values,
		TookMs:  milliseconds(s.Took),
		Error:   problemOf(s.Err),
	}
	if len(s.Contacts) > 0 {
		said.Contacts = contactsOf(s.Contacts)
	}
	return said
}

// methods are those of docs/PROTOCOL.md.
var methods = []string{"ping", "find_node", "find_value", "store_value", "compare"}

func servedOf(s khashmir.Served) api.Served {
	said := api.Served{From: contactOf(s.From), Method: "unknown", Refusal: s.Refusal, TookMs: milliseconds(s.Took)}
	if slices.Contains(methods, s.Method) { // any other is a stranger's word
		said.Method = s.Method
	}
	if !s.Target.IsZero() {
		said.Target = s.Target.String()
	}
	return said
}

func tableOf(self khashmir.ID, k int, buckets []khashmir.Bucket) api.Table {
	said := api.Table{Self: self.String(), K: k, Buckets: make([]api.Bucket, 0, len(buckets))}
	for _, b := range buckets {
		bucket := api.Bucket{
			Prefix:   digits(b.Range.Prefix, b.Range.Bits),
			Contacts: make([]api.Member, 0, len(b.Contacts)),
			Waiting:  b.Waiting,
			LookedUp: b.LookedUp,
		}
		for _, m := range b.Contacts {
			bucket.Contacts = append(bucket.Contacts, api.Member{
				Contact:  contactOf(m.Contact),
				State:    string(m.State),
				LastSeen: m.LastSeen,
				Failures: m.Failures,
			})
		}
		said.Buckets = append(said.Buckets, bucket)
	}
	return said
}

// digits are the first bits of id, a digit each.
func digits(id khashmir.ID, bits int) string {
	said := make([]byte, bits)
	for i := range said {
		said[i] = '0' + id[i/8]>>(7-i%8)&1
	}
	return string(said)
}

func holdingOf(h khashmir.Holding) api.Holding {
	return api.Holding{
		Key:     h.Key.String(),
		Entries: h.Entries,
		Bytes:   h.Bytes,
		Oldest:  h.Oldest.UTC(),
		Soonest: h.Soonest.UTC(),
		Latest:  h.Latest.UTC(),
	}
}

func statsOf(s khashmir.Stats) api.Stats {
	return api.Stats{
		Contacts: s.Contacts, InFlight: s.InFlight, Cached: s.Cached, Network: s.Network,
		Lookups: s.Lookups, Hops: s.Hops, Asked: s.Asked, Silent: s.Silent, Served: s.Served, Expired: s.Expired,
		Rounds: s.Rounds, Compared: s.Compared, Handed: s.Handed, LetGo: s.LetGo,
		HalfLifeMs: milliseconds(s.HalfLife),
		Entries:    s.Store.Entries, Bytes: s.Store.Bytes, FileBytes: s.Store.FileBytes, Damaged: s.Store.Damaged,
		Transport: map[string]int64{
			"connections": int64(s.Transport.Connections),
			"handshakes":  int64(s.Transport.Handshakes),
			"resumed":     int64(s.Transport.Resumed),
			"asked":       int64(s.Transport.Asked),
			"answered":    int64(s.Transport.Answered),
			"bytes_in":    int64(s.Transport.BytesIn),
			"bytes_out":   int64(s.Transport.BytesOut),
		},
	}
}
