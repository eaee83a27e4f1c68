package bep5_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/krpc"
	"github.com/khashmir/kad/krpc/bep5"
)

// FuzzRead holds the codec of the packet path to the bencode library behind
// the house's guard: what these take is read, and they see the same in it.
func FuzzRead(f *testing.F) {
	for _, r := range refused {
		f.Add([]byte(r.wire))
	}
	for _, args := range []any{
		bep5.Args{ID: id},
		bep5.Args{ID: id, Target: id, Want: []string{"n4", "n6"}},
		bep5.Args{ID: id, InfoHash: id, Port: new(int64), Token: "token", ImpliedPort: 1, Seed: 1},
		bep5.Args{ID: id, CAS: new(int64), Seq: new(int64), Key: strings.Repeat("k", 32), Sig: strings.Repeat("s", 64), Value: []byte("d1:ali1ei-2eee")},
		map[string]any{"id": 5, "nodes": []string{"a"}, "values": []string{"axje.u"}, "": ""},
	} {
		q, err := bep5.Question("find_node", args, true)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bep5.AppendTail(q, []byte("tttt")))
	}
	f.Add([]byte("d1:rd4:BFpe2:xx2:id20:" + id + "5:nodes0:3:numi-9e6:valuesl6:axje.uee1:t2:aa1:y1:re"))
	f.Add([]byte("d1:eli203e1:xe2:ip6:axje.u1:t2:aa1:v4:abcd1:y1:ee"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var m bep5.Message
		err := bep5.Read(b, &m)
		if tx, ok := bep5.Salvage(b); ok && len(tx) > bep5.MaxTx {
			t.Errorf("salvaged a transaction id of %d bytes", len(tx))
		}
		for range m.Peers() {
		}
		m.Contacts()
		m.Hashes()
		if !bytes.Equal(b, before) {
			t.Fatal("the datagram was changed")
		}
		if krpc.Check(b) != nil {
			return // more than the guard takes, or no bencode: nothing to compare
		}
		compare(t, b, m, err)
	})
}

// oracle is what the library makes of a message.
type oracle struct {
	Args   bencode.RawMessage `bencode:"a"`
	Method bencode.RawMessage `bencode:"q"`
	Values bencode.RawMessage `bencode:"r"`
	Tx     bencode.RawMessage `bencode:"t"`
	Kind   bencode.RawMessage `bencode:"y"`
}

func compare(t *testing.T, b []byte, m bep5.Message, err error) {
	var o oracle
	if failed := bencode.DecodeBytes(b, &o); failed != nil {
		t.Fatalf("the library refuses what the guard has passed: %v", failed)
	}
	tx, isTx := text(o.Tx)
	kind, _ := text(o.Kind)
	message := isTx && len(tx) <= bep5.MaxTx && (kind == "q" || kind == "e" ||
		kind == "r" && len(o.Values) > 0 && o.Values[0] == 'd' && (len(o.Args) == 0 || o.Args[0] != 'd'))
	if message != (err == nil) {
		t.Fatalf("read says %v; the library %q, %q, r %q, a %q", err, kind, tx, o.Values, o.Args)
	}
	if !message {
		return
	}
	method, _ := text(o.Method)
	if string(m.Tx) != tx || string(m.Kind) != kind || string(m.Method) != method {
		t.Fatalf("read %q %q %q; the library %q %q %q", m.Kind, m.Tx, m.Method, kind, tx, method)
	}
	body := o.Args
	if kind == "r" {
		body = o.Values
	}
	if kind == "e" || len(body) == 0 || body[0] != 'd' {
		body = nil
	}
	if !bytes.Equal(m.Body, body) {
		t.Fatalf("body %q; the library has %q", m.Body, body)
	}
	if body != nil {
		compareFields(t, m, body)
	}
}

func compareFields(t *testing.T, m bep5.Message, body []byte) {
	fields := map[string]bencode.RawMessage{}
	if err := bencode.DecodeBytes(body, &fields); err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		name  string
		field bep5.Fields
		read  []byte
	}{
		{"id", bep5.FieldID, m.ID}, {"target", bep5.FieldTarget, m.Target}, {"info_hash", bep5.FieldInfoHash, m.InfoHash},
		{"token", bep5.FieldToken, m.Token}, {"k", bep5.FieldKey, m.Key}, {"sig", bep5.FieldSig, m.Sig}, {"salt", bep5.FieldSalt, m.Salt},
		{"nodes", bep5.FieldNodes, m.Nodes}, {"nodes6", bep5.FieldNodes6, m.Nodes6}, {"samples", bep5.FieldSamples, m.Samples},
		{"BFpe", bep5.FieldBloomPeers, m.BloomPeers}, {"BFsd", bep5.FieldBloomSeeds, m.BloomSeeds},
	} {
		want, is := text(fields[f.name])
		_, there := fields[f.name]
		if (m.Has&f.field != 0) != is || (m.Wrong&f.field != 0) != (there && !is) || string(f.read) != want {
			t.Fatalf("%s: read %q (has %v, wrong %v), the library %q", f.name, f.read, m.Has&f.field != 0, m.Wrong&f.field != 0, fields[f.name])
		}
	}
	for _, f := range []struct {
		name  string
		field bep5.Fields
		read  int64
	}{
		{"port", bep5.FieldPort, m.Port}, {"seq", bep5.FieldSeq, m.Seq}, {"cas", bep5.FieldCAS, m.CAS},
		{"num", bep5.FieldNum, m.Num}, {"interval", bep5.FieldInterval, m.Interval},
	} {
		var want int64
		raw := fields[f.name]
		is := len(raw) > 0 && raw[0] == 'i' && bencode.DecodeBytes(raw, &want) == nil
		if (m.Has&f.field != 0) != is || f.read != want {
			t.Fatalf("%s: read %d, the library %q", f.name, f.read, raw)
		}
	}
	if !bytes.Equal(m.Value, fields["v"]) {
		t.Fatalf("v: read %q, the library %q", m.Value, fields["v"])
	}
}

func text(raw []byte) (string, bool) {
	if len(raw) == 0 || raw[0] < '0' || raw[0] > '9' {
		return "", false
	}
	_, s, ok := bytes.Cut(raw, []byte{':'})
	return string(s), ok
}

// FuzzAnswer: whatever goes into an answer, what comes out is canonical.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("tx"), []byte("token"), int64(-5), uint16(6881))
	for _, n := range []int{0, 9, 10, 99, 100, bep5.MaxTx} { // lengths of one to three digits
		f.Add(bytes.Repeat([]byte("t"), n), bytes.Repeat([]byte("x"), n), int64(n), uint16(n))
	}
	f.Fuzz(func(t *testing.T, tx, token []byte, n int64, port uint16) {
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{1, 2, 3, 4}), port)
		sender := kad.HashID(token)
		b := bep5.AppendID(bep5.Open(nil, to), &sender)
		b = bep5.AppendInt(b, "seq", n)
		b = bep5.AppendBytes(b, "token", token)
		b = bep5.AppendRaw(b, "v", []byte("le"))
		before := len(b)
		b = bep5.Close(b, tx)
		if len(b)-before > bep5.Tail(tx) && len(tx) < 1000 {
			t.Errorf("the end has %d bytes, Tail says %d", len(b)-before, bep5.Tail(tx))
		}
		failure := bep5.AppendFailure(nil, to, tx, bep5.CodeProtocol, string(token))
		for _, out := range [][]byte{b, failure} {
			if err := krpc.Check(out); err != nil && len(out) < kad.MaxMessageSize {
				t.Fatalf("%q: %v", out, err)
			}
			if len(tx) > bep5.MaxTx {
				continue
			}
			var m bep5.Message
			if err := bep5.Read(out, &m); err != nil || !bytes.Equal(m.Tx, tx) {
				t.Fatalf("%q: %v", out, err)
			}
			if at, ok := bep5.ReadAddr(m.IP); !ok || at != to {
				t.Fatalf("ip %q", m.IP)
			}
		}
	})
}
