package web

import (
	"context"
	"net/http"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/web/api"
)

// events is GET /v1/events: all that the node does, as it does it.
func (g *Gateway) events(w http.ResponseWriter, r *http.Request) {
	g.streamed(w, r, func(ctx context.Context, s *stream) error {
		l := g.config.Hub.listen()
		defer g.config.Hub.leave(l)
		beat := time.NewTicker(kad.GatewayBeat)
		defer beat.Stop()
		for {
			var err error
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-beat.C:
				err = s.beat()
			case h := <-l.events:
				name, event := h.said()
				err = s.send(name, event)
			}
			if lost := l.dropped.Swap(0); err == nil && lost > 0 {
				err = s.send("dropped", api.Event{Dropped: int(lost)})
			}
			if err != nil {
				return err
			}
		}
	})
}
