package web

import (
	"net/http"
	"slices"
)

// Routes are the patterns that a gateway serves, those of a test network's too.
func Routes() (patterns []string) {
	one, several := &Gateway{}, &Gateway{config: Config{Network: http.NotFoundHandler()}}
	for _, r := range slices.Concat(one.routes(), several.routes()) {
		patterns = append(patterns, r.pattern)
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// Listening is how many listen.
func (h *Hub) Listening() int { return int(h.listening.Load()) }
