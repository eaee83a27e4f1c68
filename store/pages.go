package store

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"iter"
	"os"

	kad "github.com/khashmir/kad"
)

// The parts of SQLite's file format (sqlite.org/fileformat2.html) that it takes
// to find rows without SQLite: their pages are read one by one, whatever has
// become of the pages that should lead there. So a page that is damaged costs
// its own rows and no others, be it the first one.

const (
	pageSize    = 2048 // of a new file, in bytes: see docs/adr/0020-smaller-pages.md
	oldPageSize = 4096 // of a file from before

	leafPage   = 0x0d // the kind of page that has rows
	indexLeaf  = 0x0a // the kind that has those of an index, or of a table without rowids
	fileHeader = 100  // bytes before the first page's own
	walHeader  = 32
	walFrame   = 24 // bytes before each page in the log

	// maxRow is the longest row that is looked at, in bytes: what says it is
	// longer is damaged. Values travel in messages, so they are shorter.
	maxRow = 4 * kad.MaxMessageSize
)

// pages is a file of SQLite's and its log, seen as pages from 1 to count. It
// may be damaged anywhere. Memory: 16 bytes or so for each page in the log.
type pages struct {
	file, log *os.File
	size      int              // of a page, in bytes
	logged    map[uint32]int64 // where in the log the newest committed version is
	count     uint32
	free      []bool // pages that are not in use, by number; nil if that is not known
}

// openPages looks at the file beside SQLite: use it only while this process has
// no connection to it, whose lock would go with the closing (POSIX).
func openPages(path string) (*pages, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &pages{file: file, logged: make(map[uint32]int64)}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	if p.log, err = os.Open(path + "-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		file.Close()
		return nil, err
	}
	p.size = p.measure()
	p.count = uint32((info.Size() + int64(p.size) - 1) / int64(p.size))
	p.readLog()
	p.readFree()
	return p, nil
}

func (p *pages) close() {
	p.file.Close()
	if p.log != nil {
		p.log.Close()
	}
}

// measure is how large the pages are: as the file says, or its log. Where neither
// can be read it is the size with which more rows can.
func (p *pages) measure() int {
	head := make([]byte, walHeader)
	if n, _ := p.file.ReadAt(head, 0); n == len(head) && string(head[:16]) == "SQLite format 3\x00" {
		if size := int(binary.BigEndian.Uint16(head[16:])); size == pageSize || size == oldPageSize {
			return size
		}
	}
	if size, _ := p.logHead(head); size == pageSize || size == oldPageSize {
		return size
	}
	best, most := pageSize, 0
	for _, size := range []int{pageSize, oldPageSize} {
		looked := pages{file: p.file, size: size, count: uint32(ownPages * oldPageSize / size)}
		whole := 0
		for n := range looked.count {
			for r, ok := range looked.rows(n + 1) {
				if _, is := r.put(); ok && is {
					whole++
				}
			}
		}
		if whole > most {
			best, most = size, whole
		}
	}
	return best
}

// read is page n; what is cut off is zeros.
func (p *pages) read(n uint32, page []byte) bool {
	clear(page)
	if n == 0 || n > p.count {
		return false
	}
	if at, ok := p.logged[n]; ok {
		_, err := p.log.ReadAt(page, at)
		return err == nil
	}
	got, _ := p.file.ReadAt(page, int64(n-1)*int64(p.size)) // a bad sector is as a damaged page
	return got > 0
}

// readFree learns which pages are not in use: they still have the rows that
// were deleted. It believes the list only if it is as long as it should be. A
// list that is damaged is none: rather does a row come back than that one is
// lost.
func (p *pages) readFree() {
	page := make([]byte, p.size)
	if !p.read(1, page) {
		return
	}
	trunk, count := binary.BigEndian.Uint32(page[32:]), binary.BigEndian.Uint32(page[36:])
	free := make([]bool, p.count+1)
	found := uint32(0)
	add := func(n uint32) bool {
		if n < 2 || n > p.count || free[n] {
			return false
		}
		free[n] = true
		found++
		return true
	}
	for trunk != 0 {
		if !add(trunk) || !p.read(trunk, page) {
			return
		}
		leaves := binary.BigEndian.Uint32(page[4:])
		if int(leaves) > p.size/4-2 {
			return
		}
		for i := range leaves {
			if !add(binary.BigEndian.Uint32(page[8+4*i:])) {
				return
			}
		}
		trunk = binary.BigEndian.Uint32(page)
	}
	if found == count {
		p.free = free
	}
}

// rows are those on page n, as far as they can be read; ok is false for one
// that cannot.
func (p *pages) rows(n uint32) iter.Seq2[found, bool] {
	return func(yield func(found, bool) bool) {
		page := make([]byte, p.size)
		if int(n) < len(p.free) && p.free[n] || !p.read(n, page) {
			return
		}
		head := 0
		if n == 1 {
			head = fileHeader
		}
		if page[head] == indexLeaf {
			if r, ok := p.first(page); ok {
				yield(r, true)
			}
			return
		}
		if page[head] != leafPage {
			return
		}
		cells := int(binary.BigEndian.Uint16(page[head+3:]))
		for i := range min(cells, (p.size-head-8)/2) {
			at := int(binary.BigEndian.Uint16(page[head+8+2*i:]))
			r, ok := p.row(page[min(at, p.size):])
			if !yield(r, ok) {
				return
			}
		}
	}
}

// first is the first row of an index, if that is everybody's (see tally.go): the
// empty name comes before all others. The other rows say nothing that is not in
// a table.
func (p *pages) first(page []byte) (r found, ok bool) {
	b := page[min(int(binary.BigEndian.Uint16(page[8:])), len(page)):]
	size, n := varint(b)
	if n == 0 || size > uint64(len(b)-n) {
		return r, false
	}
	r.columns, ok = columns(b[n : n+int(size)])
	return r, ok && r.everybody()
}

// row reads the cell that b begins with, and what of it is on other pages.
func (p *pages) row(b []byte) (r found, ok bool) {
	size, n := varint(b)
	id, m := varint(b[n:])
	if n == 0 || m == 0 || size > maxRow {
		return r, false
	}
	r.id = int64(id)
	b = b[n+m:]
	here := int(size)
	if here > p.size-35 {
		least := (p.size-12)*32/255 - 23
		here = least + (here-least)%(p.size-4)
		if here > p.size-35 {
			here = least
		}
	}
	if len(b) < here {
		return r, false
	}
	record := append(make([]byte, 0, size), b[:here]...)
	if here < int(size) {
		if len(b) < here+4 {
			return r, false
		}
		if record, ok = p.overflow(record, binary.BigEndian.Uint32(b[here:]), int(size)); !ok {
			return r, false
		}
	}
	r.columns, ok = columns(record)
	return r, ok
}

// overflow appends the chain of pages that begins at next, up to size bytes.
func (p *pages) overflow(record []byte, next uint32, size int) ([]byte, bool) {
	page := make([]byte, p.size)
	for len(record) < size {
		if !p.read(next, page) {
			return nil, false
		}
		next = binary.BigEndian.Uint32(page)
		record = append(record, page[4:4+min(p.size-4, size-len(record))]...)
	}
	return record, true
}
