package page_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/khashmir/kad/web/page"
)

// mostBytes is what all of the page may have, as it is.
const mostBytes = 300 << 10

// each runs f for every file of the page.
func each(t *testing.T, f func(name, content string)) {
	t.Helper()
	files := page.FS()
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		f(name, string(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestThePageIsSmallAndAsksNobodyElse(t *testing.T) {
	// Of what leads elsewhere, and what would take a stranger's text for a page's
	elsewhere := regexp.MustCompile(`(https?:)?//[a-z0-9-]+\.[a-z]|\bwss?:|@import|\burl\(`)
	unsafe := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\son[a-z]+="|style="|<style|javascript:`)
	total := 0
	each(t, func(name, content string) {
		total += len(content)
		content = strings.ReplaceAll(content, "http://www.w3.org/2000/svg", "") // a name, never asked
		if found := elsewhere.FindString(content); found != "" {
			t.Errorf("%s leads elsewhere: %s", name, found)
		}
		if found := unsafe.FindString(content); found != "" {
			t.Errorf("%s has %s", name, found)
		}
	})
	if total == 0 || total > mostBytes {
		t.Errorf("the page has %d bytes, %d is the most", total, mostBytes)
	}
	t.Logf("%d bytes", total)
}

func TestEveryPartThatIsNamedIsThere(t *testing.T) {
	// Given all modules, and the elements that the page has
	var elements string
	there := make(map[string]bool)
	each(t, func(name, content string) {
		there[name] = true
		if name == "index.html" {
			elements = content
		}
	})
	imports := regexp.MustCompile(`from "\./([a-z]+\.js)"`)
	ids := regexp.MustCompile(`\$\("([a-z-]+)"\)`)
	each(t, func(name, content string) {
		// then what one imports is there, and so is each element it asks for
		for _, found := range imports.FindAllStringSubmatch(content, -1) {
			if !there[found[1]] {
				t.Errorf("%s imports %s", name, found[1])
			}
		}
		for _, found := range ids.FindAllStringSubmatch(content, -1) {
			if !strings.Contains(elements, `id="`+found[1]+`"`) {
				t.Errorf("%s asks for an element %q", name, found[1])
			}
		}
	})
}

func TestTheHandlerServesThePageAsItIs(t *testing.T) {
	handler := page.Handler()
	ask := func(method, path, tag string) *http.Response {
		r := httptest.NewRequest(method, path, nil)
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result()
	}
	kinds := map[string]string{"": "text/html; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "style.css": "text/css; charset=utf-8", "mark.svg": "image/svg+xml"}
	for name, kind := range kinds {
		// When a file is asked for
		first := ask(http.MethodGet, "/"+name, "")
		// then it comes as what it is, under the policy
		h := first.Header
		if first.StatusCode != http.StatusOK || h.Get("Content-Type") != kind || h.Get("Content-Security-Policy") != page.Policy || h.Get("Cache-Control") != "no-cache" {
			t.Errorf("%q: %d, %v", name, first.StatusCode, h)
		}
		// and not again while it is the same
		if again := ask(http.MethodGet, "/"+name, h.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%q again: %d", name, again.StatusCode)
		}
		if other := ask(http.MethodGet, "/"+name, `"another"`); other.StatusCode != http.StatusOK {
			t.Errorf("%q, once another: %d", name, other.StatusCode)
		}
	}
	for _, nothing := range []string{"/page.go", "/static/", "/nothing", "/../page.go"} {
		if r := ask(http.MethodGet, nothing, ""); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", nothing, r.StatusCode)
		}
	}
}
