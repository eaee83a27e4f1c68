package store

import (
	"bytes"
	"encoding/binary"
)

// readLog finds what is committed in the log, as SQLite does: up to the last
// commit before the first frame that is not as it was written.
func (p *pages) readLog() {
	head := make([]byte, walHeader)
	size, order := p.logHead(head)
	if size != p.size {
		return
	}
	a, b := binary.BigEndian.Uint32(head[24:]), binary.BigEndian.Uint32(head[28:])
	open := make(map[uint32]int64) // not committed yet
	frame := make([]byte, walFrame+p.size)
	for at := int64(walHeader); ; at += int64(len(frame)) {
		if _, err := p.log.ReadAt(frame, at); err != nil {
			return
		}
		a, b = logSum(order, a, b, frame[:8])
		a, b = logSum(order, a, b, frame[walFrame:])
		if !bytes.Equal(frame[8:16], head[16:24]) ||
			binary.BigEndian.Uint32(frame[16:]) != a || binary.BigEndian.Uint32(frame[20:]) != b {
			return
		}
		open[binary.BigEndian.Uint32(frame)] = at + walFrame
		if size := binary.BigEndian.Uint32(frame[4:]); size > 0 { // a commit
			for n, at := range open {
				p.logged[n] = at
			}
			clear(open)
			p.count = max(p.count, size)
		}
	}
}

// logHead reads the head of the log: how large its pages are, 0 if there is none
// that is whole, and in which order its sums are.
func (p *pages) logHead(head []byte) (size int, order binary.ByteOrder) {
	if p.log == nil {
		return 0, nil
	}
	if _, err := p.log.ReadAt(head, 0); err != nil {
		return 0, nil
	}
	order = binary.LittleEndian
	if head[3]&1 == 1 {
		order = binary.BigEndian
	}
	a, b := logSum(order, 0, 0, head[:24])
	if binary.BigEndian.Uint32(head)&^1 != 0x377f0682 ||
		binary.BigEndian.Uint32(head[24:]) != a || binary.BigEndian.Uint32(head[28:]) != b {
		return 0, nil
	}
	return int(binary.BigEndian.Uint32(head[8:])), order
}

func logSum(order binary.ByteOrder, a, b uint32, data []byte) (uint32, uint32) {
	for i := 0; i < len(data); i += 8 {
		a += order.Uint32(data[i:]) + b
		b += order.Uint32(data[i+4:]) + a
	}
	return a, b
}
