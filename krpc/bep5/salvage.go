package bep5

import "bytes"

// Salvage is the transaction id of a datagram that Read refused, if that was
// all the same meant as a query: its sender is owed an error. What might be a
// reply is owed nothing, and so is what does not say that it is a query where
// canonical bencode has that, at the end.
func Salvage(b []byte) (tx []byte, ok bool) {
	if len(b) == 0 || b[0] != 'd' || !bytes.HasSuffix(b, []byte("1:y1:qe")) {
		return nil, false
	}
	// The last one: arguments, which come before, are anybody's bytes.
	i := bytes.LastIndex(b, []byte("1:t"))
	if i < 0 {
		return nil, false
	}
	p := parser{b: b, at: i + len("1:t")}
	tx, ok = p.str()
	return tx, ok && len(tx) <= MaxTx
}
