package page_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/testnet"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/lab"
	"github.com/khashmir/kad/web/page"
)

// The page in a real browser: Debian's Chromium, driven by Playwright's core
// (npm ci in e2e). KHASHMIR_SHOTS names a folder for pictures of what is tested.

// browser is where there is one; what is missing is said in one line.
func browser(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("e2e/node_modules/playwright-core"); err != nil {
		t.Skip("playwright-core is missing: npm ci in web/page/e2e")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is missing")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("chromium is missing")
	return ""
}

// play plays a scene of e2e/page.mjs at a URL and fills in what it has seen.
func play(t *testing.T, scene, url string, seen any) {
	t.Helper()
	args := []string{"page.mjs", scene, url, browser(t)}
	if shots := os.Getenv("KHASHMIR_SHOTS"); shots != "" {
		args = append(args, shots)
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Dir = "e2e"
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", scene, err, errs.String())
	}
	var said struct{ Complaints []string }
	for _, into := range []any{seen, &said} {
		if err := json.Unmarshal(out, into); err != nil {
			t.Fatalf("%s: %v in %s", scene, err, out)
		}
	}
	if len(said.Complaints) > 0 {
		t.Errorf("%s: the browser complains of %q", scene, said.Complaints)
	}
}

// network is a test network of so many nodes that is served, with its URL.
func network(t *testing.T, peers int) (*lab.Lab, string) {
	t.Helper()
	browser(t)
	config := testnet.Default()
	config.Peers, config.Transport, config.Store, config.Seed = peers, testnet.Mem, testnet.Memory, 7
	l, err := lab.Start(t.Context(), config, page.Handler())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve(listener) }()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	if err := l.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l, fmt.Sprintf("http://%s/", listener.Addr())
}

// found is a lookup as the page shows it.
type found struct {
	Says, Outcome   string
	Steps           int
	Closest, Sorted []string
}

// closest are the K living nodes of the network that are closest to a key, without
// the one that asks.
func closest(n *testnet.Network, key khashmir.ID, me string) (ids []string) {
	var all []khashmir.ID
	for _, p := range n.Peers() {
		if p.Node != nil {
			all = append(all, p.ID)
		}
	}
	slices.SortFunc(all, key.CompareDistance)
	for _, id := range all[:kad.K] {
		if id.String() != me {
			ids = append(ids, id.String())
		}
	}
	return ids
}

func TestThePageLoadsInBothThemesAndOnAPhone(t *testing.T) {
	_, url := network(t, 50)
	var got struct {
		Seen []struct {
			Name, Mode, Trouble, Background string
			Wide, Buckets, Nodes            int
			Methods                         []string
		}
	}
	play(t, "load", url, &got)
	if len(got.Seen) != 3 || got.Seen[0].Background == got.Seen[1].Background {
		t.Fatalf("seen %+v", got.Seen)
	}
	for _, s := range got.Seen {
		if s.Mode != "test network, 50 nodes" || s.Trouble != "" || s.Wide > 0 || s.Buckets < 3 || s.Nodes != 40 || len(s.Methods) == 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestALookupIsAnimatedToItsEndAndFindsTheClosest(t *testing.T) {
	l, url := network(t, 100)
	var got struct {
		Me, First, Second string
		Frames            int
		Found             found
	}
	play(t, "lookup", url, &got)
	if want := closest(l.Network, khashmir.HashID([]byte("a lecture")), got.Me); !slices.Equal(got.Found.Closest, want) {
		t.Errorf("it came to %v, the closest are %v", got.Found.Closest, want)
	}
	sorted := slices.IsSortedFunc(got.Found.Sorted, func(a, b string) int {
		x, _ := khashmir.ParseID(a)
		y, _ := khashmir.ParseID(b)
		return khashmir.HashID([]byte("a lecture")).CompareDistance(x, y)
	})
	if !sorted || len(got.Found.Sorted) < kad.K {
		t.Errorf("the shortlist is %v", got.Found.Sorted)
	}
	if got.Frames < 5 || got.Found.Steps < 2*kad.K || !strings.HasPrefix(got.Found.Says, "Done: the 8 closest have answered") ||
		!strings.Contains(got.First, "From its own table") || !strings.HasPrefix(got.Second, "Asked ") {
		t.Errorf("%+v", got)
	}
}

func TestAValueIsStoredAndGotFromAnotherNode(t *testing.T) {
	_, url := network(t, 50)
	var got struct {
		Stored, Got found
		Images      int
	}
	play(t, "value", url, &got)
	if !strings.HasPrefix(got.Stored.Says, "Done: 8 nodes committed the value") || !strings.Contains(got.Stored.Outcome, "Committed by 8 nodes") || got.Stored.Steps < 3*kad.K {
		t.Errorf("stored: %+v", got.Stored)
	}
	if !strings.Contains(got.Got.Outcome, "<img src=x onerror=alert(1)> Grüß Gott") || got.Images != 0 {
		t.Errorf("got: %+v, %d images", got.Got, got.Images)
	}
}

func TestAKilledNodeIsSeenToGoAndAStartedOneToComeBack(t *testing.T) {
	l, url := network(t, 40)
	var got struct {
		ID, Down, Told, Up string
		Before, Left       int
	}
	play(t, "kill", url, &got)
	if got.ID == "" || !strings.Contains(got.Down, "down") || !strings.Contains(got.Told, "39 of 40 nodes up") {
		t.Errorf("killed: %+v", got)
	}
	if got.Before == 0 || got.Left > got.Before/2 || strings.Contains(got.Up, "down") {
		t.Errorf("tables: %+v", got)
	}
	for _, p := range l.Network.Peers() {
		if p.Node == nil {
			t.Errorf("%s is down after all", p.ID)
		}
	}
}

func TestAValueIsSeenToOutliveAHolder(t *testing.T) {
	l, url := network(t, 40)
	var got struct {
		Before, After []string
		Victim        string
	}
	play(t, "heal", url, &got)
	if len(got.Before) < kad.Replicas || !slices.Contains(got.Before, got.Victim) || len(got.After) < kad.Replicas || slices.Contains(got.After, got.Victim) {
		t.Errorf("%+v", got)
	}
	// and they hold it, whatever the page says
	key := khashmir.HashID([]byte("a lecture"))
	for _, p := range l.Network.Peers() {
		if !slices.Contains(got.After, p.ID.String()) {
			continue
		}
		if held, err := p.Node.Holdings(key, 1); err != nil || len(held) != 1 || held[0].Key != key {
			t.Errorf("%s holds %v, %v", p.ID, held, err)
		}
	}
}

func TestACutIsSeenAndHeals(t *testing.T) {
	_, url := network(t, 40)
	var got struct {
		Sides                 []string
		Stored, There, Healed found
	}
	play(t, "cut", url, &got)
	ones := 0
	for _, side := range got.Sides {
		if side == "B" {
			ones++
		}
	}
	if len(got.Sides) != 40 || ones != 20 {
		t.Errorf("%d of %d on one side", ones, len(got.Sides))
	}
	if strings.Contains(got.There.Outcome, "found again") {
		t.Errorf("what was stored on one side was found on the other during the cut: %+v", got.There)
	}
	if !strings.Contains(got.Healed.Outcome, "found again") {
		t.Errorf("it was not found after: %+v", got.Healed)
	}
}

func TestEverythingGoesByTheKeyboard(t *testing.T) {
	_, url := network(t, 50)
	var got struct {
		Skip, Field, Outline, Back, Tab, Card, Said, Toured string
		Passed                                              []string
		Found                                               found
		Tour                                                bool
	}
	play(t, "keys", url, &got)
	if got.Skip != "Skip to the lookup" || got.Field != "lookup-text" || !slices.Contains(got.Passed, "play-toggle") || got.Outline == "none" {
		t.Errorf("by Tab: %+v", got)
	}
	if len(got.Found.Closest) != kad.K || !strings.HasPrefix(got.Back, "1 / ") || got.Tab != "tab-buckets" {
		t.Errorf("by arrows: %+v", got)
	}
	if len(got.Card) != 2*kad.IDSize || got.Said == "" || got.Toured != "2 of 12" || !got.Tour {
		t.Errorf("ring and tour: %+v", got)
	}
}

func TestTheTokenIsTakenFromTheAddress(t *testing.T) {
	browser(t)
	// Given a node that wants a token, and knows some others
	const token = "a token of some length"
	ctx, config := t.Context(), testnet.Default()
	config.Peers, config.Transport, config.Store = 20, testnet.Mem, testnet.Memory
	n, err := testnet.Start(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.Join(ctx); err != nil {
		t.Fatal(err)
	}
	gateway := web.New(n.Nodes[0], web.Config{Token: token, Page: page.Handler()})
	url := served(t, gateway)
	// when the page is opened with it, and then without
	var got struct {
		Mode, Address, Count, Refused string
		Controls                      bool
		Found                         found
	}
	play(t, "token", url+"?token="+strings.ReplaceAll(token, " ", "+"), &got)
	// then it is used, seen no more, and missed
	if !strings.HasPrefix(got.Mode, "one node") || got.Address != url || got.Controls {
		t.Errorf("%+v", got)
	}
	if want := closest(n, khashmir.HashID([]byte("a lecture")), n.Nodes[0].ID().String()); !slices.Equal(got.Found.Closest, want) {
		t.Errorf("it came to %v, the closest are %v", got.Found.Closest, want)
	}
	if !strings.Contains(got.Refused, "token") {
		t.Errorf("without: %q", got.Refused)
	}
}

// served is where a gateway answers until the test is over.
func served(t *testing.T, gateway *web.Gateway) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- gateway.Serve(listener) }()
	t.Cleanup(func() {
		gateway.Close()
		<-done
	})
	return fmt.Sprintf("http://%s/", listener.Addr())
}

func TestAThousandNodesStayResponsive(t *testing.T) {
	_, url := network(t, 1000)
	var got struct {
		Mode, Nodes   string
		Found         found
		Idle, Playing []float64
		Tasks         []int
	}
	play(t, "large", url, &got)
	if got.Mode != "test network, 1,000 nodes" || !strings.HasSuffix(got.Nodes, "of 1,000 nodes") || len(got.Found.Closest) != kad.K {
		t.Errorf("%+v", got)
	}
	// How fast the machine is, is not for a test to say.
	t.Logf("frames: median and 99th of 100 %v ms, with a lookup on %v ms; tasks of more than 50 ms: %v", got.Idle, got.Playing, got.Tasks)
}

func TestMain(m *testing.M) {
	if shots := os.Getenv("KHASHMIR_SHOTS"); shots != "" {
		absolute, err := filepath.Abs(shots)
		if err == nil {
			err = os.MkdirAll(absolute, 0o755)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Setenv("KHASHMIR_SHOTS", absolute)
	}
	os.Exit(m.Run())
}
