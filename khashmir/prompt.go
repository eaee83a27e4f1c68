package khashmir

import (
	"slices"

	kad "github.com/khashmir/kad"
)

// Prompt has a store answer its caller as soon as half the Replicas have
// committed the value, and go on by itself until all have; Result.GoesOn says
// that it does. Then an ended context does not end it any more, but Close does.
//
// It also begins sooner: a contact that is as close to the key as the Replicas
// closest ought to be in a network of this size is asked to store as soon as it
// has answered, and the lookup goes on to see whether there are closer ones
// (the "optimistic provide" of IPFS).
func Prompt() StoreOption { return func(s *storing) { s.prompt = true } }

// surely: by all that is known of the network's size, id is one of the Replicas
// closest to the key. Where the size is not known, or from our own neighbours alone,
// nobody is.
func (p *publication) surely(id kad.ID) bool {
	rank, samples := p.node.rank(p.query.Target, id)
	return samples > 1 && rank < kad.PromptRank*float64(p.node.config.Replicas)
}

// enough is how many must have committed.
func (p *publication) enough() int { return (p.node.config.Replicas + 1) / 2 }

// discount: now that the closest are known, those who were asked too early do
// not count, whether they have committed or not. Replication tells them.
func (p *publication) discount() {
	if !p.prompt {
		return
	}
	closest := p.waiting[:min(len(p.waiting), p.node.config.Replicas)]
	for id := range p.begun {
		if !slices.ContainsFunc(closest, func(c kad.Contact) bool { return c.ID == id }) {
			p.uncount(id)
		}
	}
	p.waiting = slices.DeleteFunc(p.waiting, func(c kad.Contact) bool { _, begun := p.begun[c.ID]; return begun })
}
