package kad

// Range is a part of the ID space: the IDs that share the first Bits bits with
// Prefix, whose other bits are 0. The zero Range is all of it.
type Range struct {
	Prefix ID
	Bits   int // 0 to 160
}

// NewRange is the range of the IDs that share the first bits with id.
func NewRange(id ID, bits int) Range {
	bits = min(max(bits, 0), 8*IDSize)
	if bits < 8*IDSize {
		id[bits/8] &^= 0xff >> (bits % 8)
		clear(id[bits/8+1:])
	}
	return Range{id, bits}
}

// Contains reports whether id is in the range.
func (r Range) Contains(id ID) bool { return r.Prefix.CommonPrefix(id) >= r.Bits }

// Covers reports whether all of other is in the range.
func (r Range) Covers(other Range) bool { return r.Bits <= other.Bits && r.Contains(other.Prefix) }

// Halves are the lower and the upper half; ok is false for a single ID.
func (r Range) Halves() (lower, upper Range, ok bool) {
	if r.Bits >= 8*IDSize {
		return Range{}, Range{}, false
	}
	return Range{r.Prefix, r.Bits + 1}, Range{r.Prefix.Flip(r.Bits), r.Bits + 1}, true
}

// Last is the highest ID of the range; Prefix is the lowest.
func (r Range) Last() ID {
	last := r.Prefix
	if r.Bits < 8*IDSize {
		last[r.Bits/8] |= 0xff >> (r.Bits % 8)
		for i := r.Bits/8 + 1; i < IDSize; i++ {
			last[i] = 0xff
		}
	}
	return last
}
