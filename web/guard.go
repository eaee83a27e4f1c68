package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/khashmir/kad/web/api"
)

// guard stands before all routes and says who may come.
type guard struct {
	config Config
	token  [sha256.Size]byte
	origin *http.CrossOriginProtection
	next   http.Handler
}

func newGuard(config Config, next http.Handler) *guard {
	return &guard{
		config: config,
		token:  sha256.Sum256([]byte(config.Token)),
		origin: http.NewCrossOriginProtection(),
		next:   next,
	}
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	if f := g.refuses(r); f != nil {
		fail(w, f)
		return
	}
	g.next.ServeHTTP(w, r)
}

// refuses says why r may not come, or nil.
func (g *guard) refuses(r *http.Request) *fault {
	switch {
	case g.config.Local:
		return nil
	case !g.called(r):
		return forbidden("this gateway does not go by that name: see Config.Hosts")
	case g.origin.Check(r) != nil || !open(r) && elsewhere(r):
		return forbidden("another site's page may not ask this gateway")
	case !open(r) && !g.knows(r):
		return &fault{http.StatusUnauthorized, api.Problem{Code: api.Unauthorized, Message: "this gateway wants its token (Authorization: Bearer)"}}
	}
	return nil
}

func forbidden(message string) *fault {
	return &fault{http.StatusForbidden, api.Problem{Code: api.Unauthorized, Message: message}}
}

// open are the paths that tell nothing of the node: the page and what it is made
// of, and the description of the API.
func open(r *http.Request) bool {
	return !strings.HasPrefix(r.URL.Path, "/v1/") && !strings.HasPrefix(r.URL.Path, "/at/") && r.URL.Path != "/metrics" && r.URL.Path != "/healthz"
}

// called: the name that r uses is one of ours. A page of another site can have
// its own name point here, and then ask what it likes; it cannot change Host.
func (g *guard) called(r *http.Request) bool {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") || slices.ContainsFunc(g.config.Hosts, func(name string) bool { return strings.EqualFold(host, name) }) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	at, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip.Unmap().IsLoopback() || at != nil && at.AddrPort().Addr().Unmap() == ip.Unmap()
}

// elsewhere: a browser says that a page of another site has made r. That is
// nothing for http.CrossOriginProtection where it is a GET; here a GET may be a
// lookup, or a stream.
func elsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// knows: r brings the token. How long the comparison takes says nothing of it.
func (g *guard) knows(r *http.Request) bool {
	if g.config.Token == "" {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1 && strings.EqualFold(scheme, "bearer")
}
