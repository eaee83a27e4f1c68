package krpc

import (
	"bufio"
	"bytes"
	"sync"

	"github.com/zeebo/bencode"
)

// readers are kept because the library would make a new one of 4 KiB each
// time: more than half of all that decoding a message allocates.
var readers = sync.Pool{New: func() any { return bufio.NewReader(nil) }}

// unmarshal fills what into points to with b, which the guard has passed.
// After the guard the library can only stumble over a value of another type
// than the one it is to fill.
func unmarshal(b []byte, into any) error {
	r := readers.Get().(*bufio.Reader)
	r.Reset(bytes.NewReader(b))
	err := bencode.NewDecoder(r).Decode(into)
	r.Reset(nil)
	readers.Put(r)
	return err
}
