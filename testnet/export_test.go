package testnet

import "time"

// ContactsOf is which peers the i-th one is told of.
func (n *Network) ContactsOf(i int) []int { return n.contacts(i) }

// Percentiles are a report's p50 and p99.
func Percentiles(times []time.Duration) (p50, p99 float64) { return percentiles(times) }
