package web

import (
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web/api"
)

type health struct {
	node *khashmir.Node
}

func newHealth(config Config, node *khashmir.Node) *health { return &health{node} }

func (h *health) check() ([]api.Check, khashmir.Stats, error) {
	s, err := h.node.Stats()
	c := api.Check{Name: "contacts", State: api.OK, Says: "contacts are known"}
	if s.Contacts == 0 {
		c = api.Check{Name: "contacts", State: api.Failed, Says: "no contact is known", Do: "add one"}
	}
	return []api.Check{c}, s, err
}
