package store

// found is a row of a table; of which one its columns must tell.
type found struct {
	id      int64
	columns []column
}

// column is an integer, or bytes; neither is NULL.
type column struct {
	integer bool
	number  int64
	bytes   []byte // nil if it is not bytes
}

// columns takes a record apart.
func columns(record []byte) (all []column, ok bool) {
	size, n := varint(record)
	if n == 0 || size < uint64(n) || size > uint64(len(record)) {
		return nil, false
	}
	head, body := record[n:size], record[size:]
	for len(head) > 0 {
		kind, n := varint(head)
		if n == 0 {
			return nil, false
		}
		head = head[n:]
		width := kindSize(kind)
		if width > uint64(len(body)) {
			return nil, false
		}
		all = append(all, columnOf(kind, body[:width:width]))
		body = body[width:]
	}
	return all, len(body) == 0
}

func kindSize(kind uint64) uint64 {
	switch {
	case kind >= 12:
		return (kind - 12) / 2
	case kind >= 8:
		return 0
	}
	return []uint64{0, 1, 2, 3, 4, 6, 8, 8}[kind]
}

func columnOf(kind uint64, b []byte) column {
	switch {
	case kind >= 12:
		return column{bytes: b}
	case kind == 8, kind == 9:
		return column{integer: true, number: int64(kind - 8)}
	case kind == 0, kind == 7, kind > 9:
		return column{}
	}
	number := int64(int8(b[0]))
	for _, c := range b[1:] {
		number = number<<8 | int64(c)
	}
	return column{integer: true, number: number}
}

// varint is SQLite's: up to 9 bytes, big endian, all 8 bits of the ninth. n is
// 0 if b ends before it does.
func varint(b []byte) (v uint64, n int) {
	for n < len(b) {
		c := b[n]
		n++
		if n == 9 {
			return v<<8 | uint64(c), n
		}
		v = v<<7 | uint64(c&0x7f)
		if c < 0x80 {
			return v, n
		}
	}
	return 0, 0
}
