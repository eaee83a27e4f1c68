package khashmir_test

import (
	"bytes"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/transport"
)

// Who wants one value is not given page after page of those that the node itself
// holds.
func TestEnoughEndsWithAPageOfOnesOwn(t *testing.T) {
	node := open(t, inMemory(transport.NewNetwork(1), 0))
	key := khashmir.HashID([]byte("many"))
	const values = 5
	for i := range values { // a page each
		node.Store(t.Context(), key, bytes.Repeat([]byte{byte(i)}, kad.PageSize-100))
	}
	for _, test := range []struct {
		options []khashmir.FindOption
		want    int
	}{{nil, values}, {[]khashmir.FindOption{khashmir.Enough(2)}, 2}} {
		found := 0
		for value := range node.Values(t.Context(), key, test.options...) {
			if value != nil {
				found++
			}
		}
		if found != test.want {
			t.Errorf("found %d values, want %d", found, test.want)
		}
	}
}
