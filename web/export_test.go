package web

// Routes are the patterns that the gateway serves.
func Routes() (patterns []string) {
	g := &Gateway{}
	for _, r := range g.routes() {
		patterns = append(patterns, r.pattern)
	}
	return patterns
}

// Listening is how many listen.
func (h *Hub) Listening() int { return int(h.listening.Load()) }
