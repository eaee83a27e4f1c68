package kad

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"math/rand/v2"
)

// IDSize is the length of an ID in bytes: 160 bits (paper, section 2).
const IDSize = 20

// ID names a node or a key: 160 bits, one type, two roles. The zero ID is
// valid as a key; as a node's it means "not known".
type ID [IDSize]byte

// HashID is the SHA-1 of b, the usual way to a key.
func HashID(b []byte) ID { return sha1.Sum(b) }

// ParseID reads 40 hexadecimal digits.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != hex.EncodedLen(IDSize) {
		return id, fmt.Errorf("id: want %d hex digits, got %d", hex.EncodedLen(IDSize), len(s))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("id: %w", err)
	}
	return id, nil
}

// String prints 40 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether all bits are 0.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders IDs as big-endian numbers: -1, 0 or +1.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// Distance is the XOR of the two, itself a 160-bit number (paper, section 2.1).
func (id ID) Distance(other ID) ID {
	var d ID
	binary.NativeEndian.PutUint64(d[0:], binary.NativeEndian.Uint64(id[0:])^binary.NativeEndian.Uint64(other[0:]))
	binary.NativeEndian.PutUint64(d[8:], binary.NativeEndian.Uint64(id[8:])^binary.NativeEndian.Uint64(other[8:]))
	binary.NativeEndian.PutUint32(d[16:], binary.NativeEndian.Uint32(id[16:])^binary.NativeEndian.Uint32(other[16:]))
	return d
}

// CompareDistance says which of a and b is closer to id: -1 for a, +1 for b,
// 0 only when a == b.
func (id ID) CompareDistance(a, b ID) int {
	for i := 0; i < 16; i += 8 {
		target := binary.BigEndian.Uint64(id[i:])
		da, db := target^binary.BigEndian.Uint64(a[i:]), target^binary.BigEndian.Uint64(b[i:])
		if da != db {
			return order(da < db)
		}
	}
	target := binary.BigEndian.Uint32(id[16:])
	da, db := target^binary.BigEndian.Uint32(a[16:]), target^binary.BigEndian.Uint32(b[16:])
	if da != db {
		return order(da < db)
	}
	return 0
}

func order(less bool) int {
	if less {
		return -1
	}
	return 1
}

// CommonPrefix is how many leading bits the two share: 160 when equal.
func (id ID) CommonPrefix(other ID) int {
	for i := 0; i < 16; i += 8 {
		if x := binary.BigEndian.Uint64(id[i:]) ^ binary.BigEndian.Uint64(other[i:]); x != 0 {
			return 8*i + bits.LeadingZeros64(x)
		}
	}
	return 128 + bits.LeadingZeros32(binary.BigEndian.Uint32(id[16:])^binary.BigEndian.Uint32(other[16:]))
}

// Flip is id with bit n the other way; bit 0 is the most significant.
func (id ID) Flip(n int) ID {
	id[n/8] ^= 0x80 >> (n % 8)
	return id
}

// RandomID draws 160 bits from src.
func RandomID(src rand.Source) ID {
	var id ID
	binary.BigEndian.PutUint64(id[0:], src.Uint64())
	binary.BigEndian.PutUint64(id[8:], src.Uint64())
	binary.BigEndian.PutUint32(id[16:], uint32(src.Uint64()))
	return id
}

// RandomInRange draws an ID that shares at least the first n bits with
// prefix: a target in a bucket's range.
func RandomInRange(prefix ID, n int, src rand.Source) ID {
	id := RandomID(src)
	copy(id[:n/8], prefix[:])
	if rest := n % 8; rest != 0 {
		mask := byte(0xff) << (8 - rest)
		id[n/8] = prefix[n/8]&mask | id[n/8]&^mask
	}
	return id
}
