package mainline

import "github.com/khashmir/kad/store"

// loadItems takes the items from the file. What does not prove itself is left
// where it is, to expire.
func (n *Node) loadItems() {
	saved, err := n.store.Items(n.config.Clock.Now())
	if err != nil {
		n.log.Warn("saved items could not be read", "err", err)
	}
	n.shelf.mu.Lock()
	defer n.shelf.mu.Unlock()
	for _, s := range saved {
		if i, ok := itemOf(s); ok {
			n.shelf.items.put(s.Target, i, s.Expires.Unix())
		}
	}
}

// saveItems is nothing without a file.
func (n *Node) saveItems(items []store.Item) error {
	if n.store == nil || len(items) == 0 {
		return nil
	}
	return n.store.SaveItems(items)
}
