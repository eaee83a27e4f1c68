package khashmir_test

import (
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// embedded is what a program links that imports khashmir and nothing else. One
// more is a decision for all who embed it; the faces' libraries (cobra,
// Prometheus, ...) are never among them.
var embedded = []string{
	"filippo.io/edwards25519",
	"github.com/dustin/go-humanize",
	"github.com/google/btree", // the order of keys in a store in memory
	"github.com/google/uuid",
	"github.com/jmoiron/sqlx",
	"github.com/quic-go/quic-go",
	"github.com/remyoudompheng/bigfft",
	"github.com/zeebo/bencode",
	"golang.org/x/crypto",
	"golang.org/x/net",
	"golang.org/x/sys",
	"modernc.org/libc",
	"modernc.org/mathutil",
	"modernc.org/memory",
	"modernc.org/sqlite",
}

func TestAnEmbedderPullsInLittle(t *testing.T) {
	folder := t.TempDir()
	program, built := filepath.Join(folder, "main.go"), filepath.Join(folder, "embedder")
	source := `package main

import "github.com/khashmir/kad/khashmir"

func main() {
	if _, err := khashmir.Open(khashmir.Config{}); err != nil {
		panic(err)
	}
}
`
	if err := os.WriteFile(program, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", built, program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := buildinfo.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Deps {
		if m.Path != "github.com/khashmir/kad" && !slices.Contains(embedded, m.Path) {
			t.Errorf("an embedder links %s", m.Path)
		}
	}
	if len(info.Deps) < 5 {
		t.Errorf("only %d modules are linked: was it the right program?", len(info.Deps))
	}
	if about, err := os.Stat(built); err == nil {
		t.Logf("%d modules, %.1f MiB", len(info.Deps), float64(about.Size())/(1<<20))
	}
}
