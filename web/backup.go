package web

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/khashmir/kad/web/api"
)

// backup is GET /v1/backup: the node's file, which has its identity. It is given
// to this machine's user alone. The copy is whole before the answer begins.
func (g *Gateway) backup(w http.ResponseWriter, r *http.Request) {
	if !g.config.Local {
		fail(w, &fault{http.StatusForbidden, api.Problem{Code: api.Unauthorized, Message: "a backup holds the node's secret key: it is given over the local socket only"}})
		return
	}
	if !g.requests.take() {
		fail(w, busy("too many requests at once"))
		return
	}
	defer g.requests.leave()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(g.ending, func() { cancel(errClosing) })()
	copied, err := g.copyFile(ctx)
	if err != nil {
		g.note(r, err)
		fail(w, err)
		return
	}
	defer copied.Close()
	if about, err := copied.Stat(); err == nil {
		w.Header().Set("Content-Length", strconv.FormatInt(about.Size(), 10))
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := io.Copy(hurried{ctx, w}, copied); err != nil {
		panic(http.ErrAbortHandler) // so that nobody takes a part for the whole
	}
}

// copyFile is an open copy of the node's file, whose name is gone already.
func (g *Gateway) copyFile(ctx context.Context) (*os.File, error) {
	folder, err := os.MkdirTemp(g.config.Scratch, "khashmir-backup-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "node.db")
	if err := g.node.Backup(ctx, path); err != nil {
		return nil, err
	}
	return os.Open(path)
}

// hurried gives the client its time for each part, until the gateway is closed.
type hurried struct {
	ctx context.Context
	w   http.ResponseWriter
}

func (h hurried) Write(part []byte) (int, error) {
	if h.ctx.Err() != nil {
		return 0, context.Cause(h.ctx)
	}
	hurry(h.w)
	return h.w.Write(part)
}
