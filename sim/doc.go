// Package sim runs the real node, thousands of times over, in virtual time: one
// process, one goroutine, no sockets and no disk, on a network with distances,
// losses, partitions and deaths.
//
//	result, err := sim.Run(ctx, sim.Config{Scenario: "churn", Nodes: 1000, Seed: 7}, nil)
//
// It is not a model of the node. It is khashmir.Node behind its three ports:
// the clock is the simulation's, the transport a queue of events and the store
// the one in memory. What is left out is encryption and encoding; the size of
// every message is counted as if it had been encoded.
//
// The same Config gives the same run, event by event: Result.Trace is a hash
// of all of them. Invariants are checked all the time; a broken one ends the
// run with a *Broken that says how to see it again.
//
// Read queue.go for time, peer.go for a life, link.go for a question's way,
// work.go for what is measured, check.go for what must hold, judgement.go for
// what must hold in the end, and scenario.go for what there is to run.
package sim
