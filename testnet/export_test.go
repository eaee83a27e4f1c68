package testnet

import (
	"time"

	"github.com/khashmir/kad/khashmir"
)

// ContactsOf is which peers the i-th one is told of.
func (n *Network) ContactsOf(i int) []int { return n.contacts(i) }

// ReadersOf is who looks for a value, drawn in that order.
func (n *Network) ReadersOf(order []int, writer int, result khashmir.Result) []int {
	return (&run{Network: n}).readers(order, writer, result)
}

// Percentiles are a report's p50 and p99.
func Percentiles(times []time.Duration) (p50, p99 float64) { return percentiles(times) }
