package bep5

import (
	"fmt"

	"github.com/zeebo/bencode"
)

// Args are the arguments of a question. Zero and empty ones do not travel, but
// for what a pointer points to.
type Args struct {
	CAS         *int64             `bencode:"cas,omitempty"`
	ID          string             `bencode:"id"`
	ImpliedPort int64              `bencode:"implied_port,omitempty"`
	InfoHash    string             `bencode:"info_hash,omitempty"`
	Key         string             `bencode:"k,omitempty"`
	NoSeed      int64              `bencode:"noseed,omitempty"`
	Port        *int64             `bencode:"port,omitempty"`
	Salt        string             `bencode:"salt,omitempty"`
	Scrape      int64              `bencode:"scrape,omitempty"`
	Seed        int64              `bencode:"seed,omitempty"`
	Seq         *int64             `bencode:"seq,omitempty"`
	Sig         string             `bencode:"sig,omitempty"`
	Target      string             `bencode:"target,omitempty"`
	Token       string             `bencode:"token,omitempty"`
	Value       bencode.RawMessage `bencode:"v,omitempty"`
	Want        []string           `bencode:"want,omitempty"`
}

// Question is a query but for its end: AppendTail adds that, with the
// transaction id. args is anything that the bencode library makes a dictionary
// of: Args, or a map of a caller's own.
func Question(method string, args any, readOnly bool) ([]byte, error) {
	a, err := bencode.EncodeBytes(args)
	if err != nil {
		return nil, fmt.Errorf("bep5: encode the arguments of %s: %w", method, err)
	}
	if len(a) == 0 || a[0] != 'd' {
		return nil, fmt.Errorf("bep5: the arguments of %s are not a dictionary", method)
	}
	b := append(make([]byte, 0, len(a)+64), "d1:a"...)
	b = append(b, a...)
	b = AppendBytes(b, "q", []byte(method))
	if readOnly {
		b = AppendInt(b, "ro", 1)
	}
	return b, nil
}

// AppendTail ends a question.
func AppendTail(b, tx []byte) []byte {
	b = appendTx(b, tx)
	return append(b, "1:v4:"+Version+"1:y1:qe"...)
}
