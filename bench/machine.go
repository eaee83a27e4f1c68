package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Machine is what it was measured on.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Load   string `json:"load"` // before the first run: of 1, 5 and 15 minutes
}

func thisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, CPU: "unknown", Kernel: "unknown", Load: "unknown"}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel, _, _ = strings.Cut(strings.TrimSpace(string(release)), "-")
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(load))[:3], " ")
	}
	return m
}

func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, kernel %s, %s; load before the first run %s", m.CPU, m.Cores, m.Kernel, m.Go, m.Load)
}

// ourVersion is the commit, and what it was built with.
func ourVersion(ctx context.Context) string {
	commit, err := output(ctx, "", "git", "rev-parse", "--short", "HEAD")
	if err != nil {
		commit = "unknown"
	} else if changes, err := output(ctx, "", "git", "status", "--porcelain"); err != nil || changes != "" {
		commit += " with changes"
	}
	info, _ := debug.ReadBuildInfo()
	return "kad " + commit + ", " + versions(info, "github.com/quic-go/quic-go", "modernc.org/sqlite", "github.com/zeebo/bencode")
}

// modules are the versions in a program.
func modules(path string, names ...string) (string, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the versions: %w", err)
	}
	return versions(info, names...), nil
}

func versions(info *debug.BuildInfo, names ...string) string {
	var found []string
	if info != nil {
		for _, m := range info.Deps {
			if slices.Contains(names, m.Path) {
				found = append(found, m.Path[strings.LastIndexByte(m.Path, '/')+1:]+" "+strings.TrimPrefix(m.Version, "v"))
			}
		}
	}
	return strings.Join(found, ", ")
}

func today() string { return time.Now().UTC().Format(time.DateOnly) }
