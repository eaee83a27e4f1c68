package client_test

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

// says is a gateway whose every answer a test decides.
func says(t *testing.T, status int, kind, body string) *client.Client {
	t.Helper()
	c := client.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(c.Close)
	return c
}

func TestNobodyThere(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, c := range []*client.Client{client.Unix(filepath.Join(t.TempDir(), "none")), client.HTTP(gone.URL, "")} {
		_, err := c.Status(t.Context())
		if !errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%v", err)
		}
		if err := c.Events(t.Context(), nil); !errors.Is(err, client.ErrUnreachable) {
			t.Errorf("%v", err)
		}
		c.Close()
	}
}

// Events come in any shape that the standard for them allows.
func TestAStreamIsRead(t *testing.T) {
	for _, c := range []struct{ stream, heard string }{
		{":\n\nevent: value\ndata: {\"bytes\":\"YQ==\"}\n\nevent: end\ndata: {}\n\n", "a"},
		{"event:value\r\ndata:{\"bytes\":\"YQ==\"}\r\n\r\nevent:end\r\ndata:{}\r\n\r\n", "a"},
		{"id: 7\nretry: 5\nevent: value\ndata: {\ndata: \"bytes\":\"YQ==\"}\n\nevent: end\ndata: {}\n\n", "a"},
		{"event: value\n\nevent: unheard\ndata: of\n\nevent: end\ndata: {}\n\nevent: value\ndata: {\"bytes\":\"Yg==\"}\n\n", ""},
	} {
		heard := ""
		_, err := says(t, 200, "text/event-stream", c.stream).Get(t.Context(), "k", client.GetOptions{Value: func(v api.Value) { heard += string(v.Bytes) }})
		if err != nil || heard != c.heard {
			t.Errorf("%q: heard %q, %v", c.stream, heard, err)
		}
	}
}

// What is no gateway's answer is an error that says so, and never a value.
func TestStrangeAnswers(t *testing.T) {
	for _, c := range []struct {
		status     int
		kind, body string
		want       string
	}{
		{200, "text/html", "<h1>hello</h1>", "not a gateway's answer"},
		{500, "text/html", "<h1>oh</h1>", "not a gateway's answer: status 500"},
		{302, "text/html", "", "not a gateway's answer: status 302"},
		{200, "text/event-stream", "event: value\ndata: {\"bytes\":7}\n\n", "made no sense"},
		{200, "text/event-stream", "event: end\ndata: 7\n\n", "made no sense"},
		{200, "text/event-stream", "event: problem\ndata: {\"code\":\"closed\",\"message\":\"bye\"}\n\n", "bye"},
		{200, "text/event-stream", "event: end\ndata: {\"error\":{\"code\":\"no_answer\",\"message\":\"silence\"}}\n\n", "silence"},
		{200, "text/event-stream", "event: value\n", io.ErrUnexpectedEOF.Error()},
		{200, "text/event-stream", "data: " + strings.Repeat("x", 2<<20) + "\n\n", "too long"},
		{200, "text/event-stream", strings.Repeat("data: "+strings.Repeat("x", 1<<10)+"\n", 2<<10) + "\n", "too long"},
		{429, "application/json", `{"error":{"code":"busy","message":"later"}}`, "later"},
	} {
		found, err := says(t, c.status, c.kind, c.body).Get(t.Context(), "k", client.GetOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) || len(found.Values) > 0 {
			t.Errorf("%d %s %.60q: %v, %v", c.status, c.kind, c.body, found, err)
		}
	}
	if _, err := says(t, 200, "application/json", "{").Status(t.Context()); err == nil || !strings.Contains(err.Error(), "made no sense") {
		t.Errorf("half an answer: %v", err)
	}
}

// Keys come to the gateway as they are, whatever is in them, or as their hash.
func TestKeysAreNotMangled(t *testing.T) {
	got := ""
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/values/{key}", func(w http.ResponseWriter, r *http.Request) {
		got = r.PathValue("key")
		io.WriteString(w, "{}")
	})
	c := client.Handler(mux)
	defer c.Close()
	for _, key := range []string{"a", "a b", "a/b", "/", "..", ".", "../v1/stats", strings.Repeat("k", 1<<20), "ä€", "%2F", "?x=1#y", "a%", "+", "\n", "a//b"} {
		if _, err := c.Put(t.Context(), key, nil, client.PutOptions{}); err != nil || got != key && got != fmt.Sprintf("%x", sha1.Sum([]byte(key))) {
			t.Errorf("%.20q came as %.40q, %v", key, got, err)
		}
	}
	if _, err := c.Put(t.Context(), "", nil, client.PutOptions{}); err == nil {
		t.Error("an empty key was taken")
	}
}

// Close waits for the handler, and ends what it does.
func TestACloseEndsWhatIsInProgress(t *testing.T) {
	begun, done := make(chan struct{}), false
	c := client.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		done = true
	}))
	asked := make(chan error, 1)
	go func() {
		_, err := c.Status(context.Background())
		asked <- err
	}()
	<-begun
	c.Close()
	if !done {
		t.Error("the handler has not ended")
	}
	if err := <-asked; err == nil {
		t.Error("the call has ended well")
	}
	if _, err := c.Status(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("afterwards: %v", err)
	}
	c.Close() // once more does nothing
}

func TestAContextEndsACall(t *testing.T) {
	c := client.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ":\n\n")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer c.Close()
	why := errors.New("enough of it")
	for name, call := range map[string]func(ctx context.Context) error{
		"events": func(ctx context.Context) error { return c.Events(ctx, nil) },
		"watch":  func(ctx context.Context) error { return c.Watch(ctx, "k", 0, nil) },
		"status": func(ctx context.Context) error { _, err := c.Status(ctx); return err },
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- call(ctx) }()
		cancel(why)
		if err := <-ended; !errors.Is(err, why) {
			t.Errorf("%s ended with %v", name, err)
		}
	}
}

// FuzzStream: nothing that comes can do more than be an error.
func FuzzStream(f *testing.F) {
	f.Add("event: value\ndata: {\"bytes\":\"YQ==\"}\n\nevent: end\ndata: {}\n\n")
	f.Add("data:\ndata\n:\n\n\revent: end\rdata: {}\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		c := client.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, stream)
		}))
		defer c.Close()
		if _, err := c.Get(t.Context(), "k", client.GetOptions{}); err == nil && !strings.Contains(stream, "end") {
			t.Error("it has ended well without an end")
		}
	})
}
