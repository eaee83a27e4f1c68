package mainline

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
