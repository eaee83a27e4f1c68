package kad_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/khashmir/kad"

// picture is the house (see the README): what each place may import of ours.
// Arrows point down only; the parts never import each other.
var picture = map[string][]string{
	"":           nil,
	"ktable":     {""},
	"lookup":     {""},
	"krpc":       {""},
	"krpc/bep5":  {""},
	"migrations": nil,
	"store":      {"", "migrations"},
	"transport":  {"", "krpc", "krpc/bep5"},
	"khashmir":   {"", "ktable", "lookup", "krpc", "store", "transport"},
	"mainline":   {"", "krpc/bep5", "ktable", "lookup", "store", "transport"},
	"testnet":    {"", "khashmir", "krpc", "mainline", "store", "transport"},
	"sim":        {"", "khashmir", "krpc", "store", "transport"},
	"sim/report": {"", "sim"},

	"web/api":     nil,
	"web":         {"", "khashmir", "web/api"},
	"web/client":  {"web/api"},
	"web/metrics": {"khashmir"},
	"web/page":    nil,
	"web/lab":     {"khashmir", "testnet", "web", "web/api"},
	"shell":       {"web/api"},

	"cmd/khashmir":         {"", "khashmir", "shell", "store", "transport", "web", "web/api", "web/client", "web/metrics", "web/page"},
	"cmd/khashmir-testnet": {"", "khashmir", "shell", "testnet", "sim", "sim/report", "web", "web/client", "web/lab", "web/page"},
}

// pure packages are handed the time and chance; they never reach for them.
var pure = []string{"", "ktable", "lookup", "krpc", "krpc/bep5"}

// outside is what may be imported of others, and by whom.
var outside = map[string][]string{
	"filippo.io/edwards25519":             {"mainline", "transport"},
	"github.com/BurntSushi/toml":          {"cmd/khashmir"},
	"github.com/coreos/go-systemd/v22":    {"cmd/khashmir"},
	"github.com/ergochat/readline":        {"shell"},
	"github.com/google/btree":             {"store"},
	"github.com/jmoiron/sqlx":             {"store"},
	"github.com/prometheus/client_golang": {"web/metrics"},
	"github.com/quic-go/quic-go":          {"transport"},
	"github.com/spf13/cobra":              {"cmd/khashmir", "cmd/khashmir-testnet"},
	"github.com/spf13/pflag":              {"cmd/khashmir"},
	"github.com/yuin/gopher-lua":          {"shell"},
	"github.com/zeebo/bencode":            {"krpc", "krpc/bep5", "mainline"},
	"golang.org/x/crypto":                 {"transport"},
	"golang.org/x/net":                    {"transport"},
	"golang.org/x/sys":                    {"cmd/khashmir-testnet", "transport"},
	"golang.org/x/term":                   {"cmd/khashmir", "cmd/khashmir-testnet"},
	"modernc.org/sqlite":                  {"store"},
}

func TestTheHouseLooksLikeItsPicture(t *testing.T) {
	seen := make(map[string]bool)
	for file, imports := range sources(t) {
		place := filepath.ToSlash(filepath.Dir(file))
		if place == "." {
			place = ""
		}
		seen[place] = true
		allowed, drawn := picture[place]
		if !drawn {
			t.Errorf("%s: %q is not in the picture", file, place)
			continue
		}
		for _, imported := range imports {
			switch {
			case imported == module || strings.HasPrefix(imported, module+"/"):
				ours := strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
				if !slices.Contains(allowed, ours) {
					t.Errorf("%s imports %s: the arrow does not point down", file, imported)
				}
			case strings.Contains(strings.Split(imported, "/")[0], "."):
				if !slices.Contains(outside[owner(imported)], place) {
					t.Errorf("%s imports %s: not this place's business", file, imported)
				}
			}
		}
	}
	for place := range picture {
		if !seen[place] {
			t.Errorf("%q is in the picture and not in the house", place)
		}
	}
}

func TestPurePackagesNeverReachForTimeOrChance(t *testing.T) {
	for file := range sources(t) {
		place := filepath.ToSlash(filepath.Dir(file))
		if place == "." {
			place = ""
		}
		if !slices.Contains(pure, place) {
			continue
		}
		for _, bad := range impurities(t, file) {
			t.Errorf("%s: a pure package has %s", file, bad)
		}
	}
}

// sources are the module's files that are not tests, with what they import.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	files := make(map[string][]string)
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "bench" || entry.Name() == "interop") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files[name] = nil
		for _, spec := range parsed.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			files[name] = append(files[name], imported)
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("reading the house: %d files, %v", len(files), err)
	}
	return files
}

// owner is the listed module that an import path belongs to.
func owner(imported string) string {
	for p := imported; p != "."; p = path.Dir(p) {
		if _, ok := outside[p]; ok {
			return p
		}
	}
	return imported
}
