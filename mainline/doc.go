// Package mainline is a node of BitTorrent's DHT: for research, and to meet
// everybody else. It answers BEP 5, 32, 33, 42, 43, 44 and 51 and asks all of
// these, on the house's own table, lookup and store.
//
//	node, err := mainline.Open(mainline.Config{Bootstrap: []string{"router.example:6881"}})
//	peers, err := node.GetPeers(ctx, infohash)
//
// Every verb blocks until it is done, and has a twin that takes a callback:
// GetPeers and GetPeersFunc. A blocking call keeps the flow of a script; many
// things at once want callbacks. Query asks anything, of anybody.
//
// A node owns its sockets, one a family of addresses, each with an ID and a
// table of its own; what others announced and put here, in bounded memory; and
// a file with its identity, its contacts and the items it was given. It joins
// no network that was not named to it. It is no part of package khashmir's
// network, and knows nothing of that.
//
// To read on: answer.go is what becomes of a question, and the only fast path;
// search.go is a lookup; put.go is why an item's signature costs the others
// nothing. docs/adr/0011-mainline.md says why things are as they are.
package mainline
