package shell_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/shell"
	"github.com/khashmir/kad/transport"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/client"
)

// The shell's node is whatever a client of the gateway is of.
var _ shell.Node = (*client.Client)(nil)

// nodes is how many a test's network has.
const nodes = 20

// key is the i-th identity of the tests.
func key(i int) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, fmt.Sprintf("identity %d", i))
	return ed25519.NewKeyFromSeed(seed)
}

// join makes a network of nodes in this process, and returns it when they know
// each other. The caller ends it.
func join(count int) (all []*khashmir.Node, end func(), err error) {
	weather := transport.NewNetwork(1)
	end = func() {
		for _, node := range all {
			node.Abort()
		}
	}
	for i := range count {
		node, err := khashmir.Open(khashmir.Config{Key: key(i), Transport: weather.Transport(), Store: khashmir.NewMemoryStore()})
		if err != nil {
			return all, end, err
		}
		all = append(all, node)
	}
	for i, node := range all {
		for _, step := range []int{1, 3, 7} {
			other := all[(i+step)%count]
			if _, err := node.AddContact(context.Background(), other.Addr().String()); err != nil && other != node {
				return all, end, err
			}
		}
	}
	for _, node := range all {
		if _, err := node.FindCloseNodes(context.Background()); err != nil && count > 1 {
			return all, end, err
		}
	}
	return all, end, nil
}

// network is join for a test.
func network(t testing.TB) []*khashmir.Node {
	t.Helper()
	all, end, err := join(nodes)
	t.Cleanup(end)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// gateway is a node as the shell knows it.
func gateway(t testing.TB, node *khashmir.Node) *client.Client {
	t.Helper()
	return handled(t, web.New(node, web.Config{Local: true}))
}

func handled(t testing.TB, h http.Handler) *client.Client {
	t.Helper()
	c := client.Handler(h)
	t.Cleanup(c.Close)
	return c
}

// script runs source on node as a script; what it printed comes back.
func script(t testing.TB, node shell.Node, source string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	s := shell.New(node, shell.Config{Out: &out, Err: &out})
	defer s.Close()
	err := s.RunFile(t.Context(), "play.lua", strings.NewReader(source), args)
	return out.String(), err
}

// says runs source, which must not fail, and wants it to have printed want.
func says(t testing.TB, node shell.Node, source, want string) {
	t.Helper()
	got, err := script(t, node, source)
	if err != nil {
		t.Errorf("%s\nfails: %v", source, err)
	}
	if got != want {
		t.Errorf("%s\nprints %q, want %q", source, got, want)
	}
}

// fails wants source to end with an error that contains want, in one line.
func fails(t testing.TB, node shell.Node, source, want string) {
	t.Helper()
	out, err := script(t, node, source)
	switch {
	case err == nil:
		t.Errorf("%s\ndoes not fail, and prints %q", source, out)
	case !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n"):
		t.Errorf("%s\nfails with %q, want %q in one line", source, err, want)
	}
}

// nobody is a node for scripts that need none: a gateway that knows nobody.
func nobody(t testing.TB) *client.Client {
	t.Helper()
	all, end, err := join(1)
	t.Cleanup(end)
	if err != nil {
		t.Fatal(err)
	}
	return gateway(t, all[0])
}

// stage is where a session at a prompt is played: it hears what is shown, and
// tells when a line has been.
type stage struct {
	mu    sync.Mutex
	text  bytes.Buffer
	cues  map[string]chan struct{}
	extra func(string)
}

func (s *stage) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	for cue, heard := range s.cues {
		if strings.Contains(s.text.String(), cue) {
			close(heard)
			delete(s.cues, cue)
		}
	}
	return len(p), nil
}

func (s *stage) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// cue is closed when text has been shown.
func (s *stage) cue(text string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cues == nil {
		s.cues = make(map[string]chan struct{})
	}
	heard := make(chan struct{})
	s.cues[text] = heard
	return heard
}

// actor types lines, one when it is asked for one, and has them on the stage.
type actor struct {
	lines []string
	stage *stage
}

func (a *actor) Read(p []byte) (int, error) {
	if len(a.lines) == 0 {
		return 0, fmt.Errorf("the actor has gone: %w", os.ErrClosed)
	}
	line := a.lines[0] + "\n"
	a.lines = a.lines[1:]
	a.stage.Write([]byte(line))
	return copy(p, line), nil
}
