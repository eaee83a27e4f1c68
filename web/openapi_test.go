package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/khashmir/kad/khashmir"
	"github.com/khashmir/kad/web"
	"github.com/khashmir/kad/web/api"
)

// description is openapi.yaml. OpenAPI 3.1's schemas are JSON Schema's.
type description struct {
	text    []byte
	doc     map[string]any
	schemas *jsonschema.Compiler
}

func describe(t *testing.T) *description {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := &description{text: text, schemas: jsonschema.NewCompiler()}
	if err := yaml.Unmarshal(text, &d.doc); err != nil {
		t.Fatal(err)
	}
	d.schemas.DefaultDraft(jsonschema.Draft2020)
	d.schemas.AssertFormat()
	if err := d.schemas.AddResource("openapi.json", d.doc); err != nil {
		t.Fatal(err)
	}
	return d
}

// part is what the steps lead to; a step that is a reference is followed.
func (d *description) part(steps ...string) (part any, pointer string) {
	part, pointer = d.doc, "#"
	for _, step := range steps {
		inner, ok := part.(map[string]any)
		if !ok {
			return nil, ""
		}
		if part, ok = inner[step]; !ok {
			return nil, ""
		}
		pointer += "/" + strings.ReplaceAll(strings.ReplaceAll(step, "~", "~0"), "/", "~1")
		if inner, ok := part.(map[string]any); ok {
			if ref, ok := inner["$ref"].(string); ok {
				return d.follow(ref, steps[slices.Index(steps, step)+1:])
			}
		}
	}
	return part, pointer
}

func (d *description) follow(ref string, rest []string) (any, string) {
	return d.part(append(strings.Split(strings.TrimPrefix(ref, "#/"), "/"), rest...)...)
}

// check holds a JSON answer against what the description says of it.
func (d *description) check(t *testing.T, path, method string, status int, kind string, body []byte) {
	t.Helper()
	for _, s := range []string{strconv.Itoa(status), "default"} {
		steps := []string{"paths", path, strings.ToLower(method), "responses", s, "content", kind, "schema"}
		if part, pointer := d.part(steps...); part != nil {
			d.conforms(t, method+" "+path+" "+s, pointer, body)
			return
		}
	}
	t.Errorf("%s %s answers %d %s, which is not described: %.200s", method, path, status, kind, body)
}

func (d *description) conforms(t *testing.T, what, pointer string, body []byte) {
	t.Helper()
	schema, err := d.schemas.Compile("openapi.json" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	said, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err == nil {
		err = schema.Validate(said)
	}
	if err != nil {
		t.Errorf("%s: %v: %.300s", what, err, body)
	}
}

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	d := describe(t)
	var described []string
	for path, item := range d.doc["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(described)
	routes := web.Routes()
	slices.Sort(routes)
	if !slices.Equal(described, routes) {
		t.Errorf("described are %q, and there are %q", described, routes)
	}
	nodes := join(t, 1, nil)
	_, at := serve(t, nodes[0], web.Config{})
	if _, served := fetch(t, http.MethodGet, at+"/openapi.yaml", "", "*/*"); string(served) != string(d.text) {
		t.Error("another description is served than the one that was read here")
	}
}

// Every word of the API has the same fields in Go and in the description.
func TestTheDescriptionHasEveryField(t *testing.T) {
	d := describe(t)
	for name, word := range map[string]any{
		"Status": api.Status{}, "Check": api.Check{}, "Stats": api.Stats{}, "Table": api.Table{}, "Bucket": api.Bucket{},
		"Member": api.Member{}, "Holdings": api.Holdings{}, "Holding": api.Holding{}, "Result": api.Result{},
		"Refusal": api.Refusal{}, "Found": api.Found{}, "Value": api.Value{}, "Holder": api.Holder{}, "Lookup": api.Lookup{},
		"Step": api.Step{}, "Served": api.Served{}, "Event": api.Event{}, "Pong": api.Pong{}, "Network": api.Network{},
		"Node": api.Node{}, "Problem": api.Problem{}, "Contact": api.Contact{},
	} {
		want := slices.Sorted(maps.Keys(fieldsOf(reflect.TypeOf(word))))
		got := slices.Sorted(maps.Keys(d.properties(name)))
		if !slices.Equal(got, want) {
			t.Errorf("%s is described with %q, and has %q", name, got, want)
		}
	}
}

func fieldsOf(word reflect.Type) map[string]bool {
	fields := make(map[string]bool)
	for i := range word.NumField() {
		f := word.Field(i)
		if f.Anonymous {
			maps.Copy(fields, fieldsOf(f.Type))
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = true
	}
	return fields
}

func (d *description) properties(name string) map[string]any {
	schema := d.doc["components"].(map[string]any)["schemas"].(map[string]any)[name].(map[string]any)
	all := make(map[string]any)
	if own, ok := schema["properties"].(map[string]any); ok {
		maps.Copy(all, own)
	}
	others, _ := schema["allOf"].([]any)
	for _, other := range others {
		ref := other.(map[string]any)["$ref"].(string)
		maps.Copy(all, d.properties(ref[strings.LastIndex(ref, "/")+1:]))
	}
	return all
}

// What a real node answers, well or not, is what is described.
func TestAnswersAreAsDescribed(t *testing.T) {
	d := describe(t)
	hub := web.NewHub()
	nodes := join(t, 10, func(i int, c *khashmir.Config) {
		if i == 0 {
			c.Observer = hub.Observer()
		}
	})
	alone := open(t, khashmir.Config{Key: key(99), Listen: "127.0.0.1:0", Store: khashmir.NewMemoryStore()})
	page := fstest.MapFS{"index.html": {Data: []byte("<!doctype html>a page")}}
	_, at := serve(t, nodes[0], web.Config{Hub: hub, Page: http.FileServerFS(page)})
	_, lonely := serve(t, alone, web.Config{})
	const ours, raw = "application/json", "application/octet-stream"
	other := nodes[4].ID().String()
	for _, c := range []struct {
		at, method, path, route, body, accept string
		status                                int
	}{
		{at, "GET", "/v1/status", "", "", ours, 200},
		{at, "GET", "/v1/stats", "", "", ours, 200},
		{at, "GET", "/v1/table", "", "", ours, 200},
		{at, "GET", "/v1/network", "", "", ours, 200},
		{at, "PUT", "/v1/values/a", "/v1/values/{key}", "value", ours, 200},
		{at, "PUT", "/v1/values/a?ttl=1h&prompt=1", "/v1/values/{key}", "another", ours, 200},
		{at, "PUT", "/v1/values/b?keep=1", "/v1/values/{key}", "kept\x00", ours, 200},
		{at, "PUT", "/v1/values/a?ttl=1ms", "/v1/values/{key}", "value", ours, 422},
		{at, "PUT", "/v1/values/a?ttl=x", "/v1/values/{key}", "value", ours, 400},
		{at, "PUT", "/v1/values/a?keep=maybe", "/v1/values/{key}", "value", ours, 400},
		{at, "PUT", "/v1/values/a", "/v1/values/{key}", strings.Repeat("x", 64<<10+1), ours, 413},
		{lonely, "PUT", "/v1/values/a", "/v1/values/{key}", "value", ours, 503},
		{at, "GET", "/v1/holdings", "", "", ours, 200},
		{at, "GET", "/v1/holdings?limit=1", "/v1/holdings", "", ours, 200},
		{at, "GET", "/v1/holdings?limit=1001", "/v1/holdings", "", ours, 400},
		{at, "GET", "/v1/holdings?from=xyz", "/v1/holdings", "", ours, 400},
		{at, "GET", "/v1/values/a", "/v1/values/{key}", "", ours, 200},
		{at, "GET", "/v1/values/b?enough=1", "/v1/values/{key}", "", ours, 200},
		{at, "GET", "/v1/values/nothing", "/v1/values/{key}", "", ours, 404},
		{at, "GET", "/v1/values/nothing", "/v1/values/{key}", "", raw, 404},
		{at, "GET", "/v1/values/a?watch=1", "/v1/values/{key}", "", ours, 400},
		{at, "GET", "/v1/values/a?enough=-1", "/v1/values/{key}", "", ours, 400},
		{lonely, "GET", "/v1/values/nothing", "/v1/values/{key}", "", ours, 503},
		{at, "DELETE", "/v1/values/b?forget=1", "/v1/values/{key}", "kept\x00", ours, 200},
		{at, "DELETE", "/v1/values/b?forget=1", "/v1/values/{key}", "kept\x00", ours, 404},
		{at, "DELETE", "/v1/values/b", "/v1/values/{key}", "kept\x00", ours, 200},
		{at, "GET", "/v1/lookup/" + other, "/v1/lookup/{id}", "", ours, 200},
		{lonely, "GET", "/v1/lookup/" + other, "/v1/lookup/{id}", "", ours, 503},
		{at, "POST", "/v1/ping", "", fmt.Sprintf(`{"to":%q}`, nodes[3].Addr()), ours, 200},
		{at, "POST", "/v1/ping", "", fmt.Sprintf(`{"to":%q}`, other), ours, 200},
		{at, "POST", "/v1/ping", "", fmt.Sprintf(`{"to":%q}`, strings.Repeat("0", 40)), ours, 404},
		{at, "POST", "/v1/ping", "", fmt.Sprintf(`{"to":%q}`, nodes[0].ID()), ours, 400},
		{at, "POST", "/v1/ping", "", `{"to":"127.0.0.1:0"}`, ours, 400},
		{at, "POST", "/v1/ping", "", `{"to":`, ours, 400},
		{at, "GET", "/v1/backup", "", "", ours, 403},
		{at, "GET", "/healthz", "", "", ours, 200},
		{lonely, "GET", "/healthz", "", "", ours, 503},
		{at, "GET", "/metrics", "", "", ours, 404},
		{lonely, "GET", "/", "", "", ours, 404},
	} {
		if c.route == "" {
			c.route = c.path
		}
		response, body := fetch(t, c.method, c.at+c.path, c.body, c.accept)
		if response.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d: %.200s", c.method, c.path, response.StatusCode, c.status, body)
		}
		d.check(t, c.route, c.method, response.StatusCode, response.Header.Get("Content-Type"), body)
	}
	if response, body := fetch(t, "GET", at+"/", "", "*/*"); response.StatusCode != 200 || !strings.Contains(string(body), "a page") {
		t.Errorf("the page: %d %s", response.StatusCode, body)
	}
}

// fetch makes one request, as any HTTP client would.
func fetch(t *testing.T, method, url, body, accept string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	return send(t, request)
}

func send(t *testing.T, request *http.Request) (*http.Response, []byte) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, said
}

// told is one event of a stream, put into its word.
func told[T any](t *testing.T, data []byte) T {
	t.Helper()
	var what T
	if err := json.Unmarshal(data, &what); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return what
}
