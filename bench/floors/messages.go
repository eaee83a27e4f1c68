package floors

import (
	"bytes"

	"github.com/zeebo/bencode"

	"github.com/khashmir/kad/krpc"
)

// bareMessage is an answer as zeebo/bencode takes it with nothing around: no
// guard, no check, contacts as the bytes that they travel as.
type bareMessage struct {
	Values struct {
		Nodes string `bencode:"nodes"`
		Token string `bencode:"token"`
	} `bencode:"r"`
	Tx      string `bencode:"t,omitempty"`
	Version int64  `bencode:"v"`
	Kind    string `bencode:"y"`
}

// messages are answers to a find_node, which a network sends most.
func messages(string) ([]pair, error) {
	m := krpc.Message{Tx: "12", Reply: &krpc.Reply{Contacts: neighbours(), Token: "12345678"}}
	wire, err := krpc.Encode(m)
	if err != nil {
		return nil, err
	}
	var bare bareMessage
	if err := bencode.DecodeBytes(wire, &bare); err != nil {
		return nil, err
	}
	into := make([]byte, len(wire))
	copied := task{"the bytes copied", times(func() error { copy(into, wire); return nil })}
	return []pair{
		{"encode", []task{
			{"encode an answer of 8 contacts", times(func() error { _, err := krpc.Encode(m); return err })},
			{"zeebo/bencode alone", times(func() error { _, err := bencode.EncodeBytes(bare); return err })},
			copied,
		}, nothing},
		{"decode", []task{
			{"decode it", times(func() error { _, err := krpc.Decode(wire); return err })},
			{"zeebo/bencode alone", times(func() error {
				var m bareMessage
				return bencode.NewDecoder(bytes.NewReader(wire)).Decode(&m)
			})},
			copied,
		}, nothing},
	}, nil
}

func times(do func() error) func(count int) error {
	return func(count int) error {
		for range count {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}
}
