// Package page is the window on a node or a test network: what a browser shows
// of them. It embeds a page of plain HTML, CSS and JavaScript modules (static/),
// which asks nothing but the gateway that it came from, and builds nothing.
//
// It knows the gateway's API (docs in web/openapi.yaml) and nothing of ours. To
// read on: static/index.html is what there is to see, static/app.js puts it
// together, static/world.js asks the gateway, static/recording.js is a lookup
// step by step, and static/ring.js draws.
package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var static embed.FS

// Policy is the page's Content-Security-Policy: all that it is made of comes from
// where it came from, nothing of it is inline, and it asks nobody else.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// FS is the files.
func FS() fs.FS {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic("page: " + err.Error()) // our own bug
	}
	return files
}

// file is one of them with what a browser wants to know.
type file struct {
	kind, tag string
}

// Handler serves the files, index.html at /. A browser asks each time whether
// they are still the same, and is told so by their hashes.
func Handler() http.Handler {
	files, known := FS(), make(map[string]file)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		sum := sha256.Sum256(content)
		known[name] = file{kind: kinds[path.Ext(name)], tag: `"` + hex.EncodeToString(sum[:8]) + `"`}
		return err
	})
	if err != nil {
		panic("page: " + err.Error()) // our own bug
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = "index.html"
		}
		f, ok := known[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Content-Security-Policy", Policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", f.tag)
		http.ServeFileFS(w, r, files, name)
	})
}

// kinds are named here: what the system thinks of an extension may be anything.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}
