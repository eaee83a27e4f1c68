package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/khashmir/kad/bench/work"
)

// contestant is a network that takes part.
type contestant struct {
	name, title string
	ours        bool
	prepare     func(ctx context.Context, dir string) (run []string, version string, err error)
	arguments   func(work.Work) []string // after run
	get         string                   // how to get it
}

// contestants, the one we are judged by first.
func contestants() []contestant {
	return []contestant{
		{name: variantFile, title: "ours", ours: true, prepare: oneself(variantFile), arguments: inJSON},
		{name: variantMemory, title: "ours, store in memory", ours: true, prepare: oneself(variantMemory), arguments: inJSON},
		{name: variantStreams, title: "ours, QUIC streams only", ours: true, prepare: oneself(variantStreams), arguments: inJSON},
		{name: "libp2p", title: "go-libp2p-kad-dht", prepare: buildLibp2p, arguments: inJSON,
			get: "a Go module proxy must be in reach: cd peers/libp2p && go build ."},
		{name: "opendht", title: "OpenDHT", prepare: buildOpenDHT, arguments: inOrder,
			get: "apt-get install libopendht-dev g++ make pkg-config"},
	}
}

func oneself(variant string) func(context.Context, string) ([]string, string, error) {
	return func(ctx context.Context, _ string) ([]string, string, error) {
		path, err := os.Executable()
		return []string{path, "one", variant}, ourVersion(ctx), err
	}
}

func buildLibp2p(ctx context.Context, dir string) ([]string, string, error) {
	path := filepath.Join(dir, "libp2p")
	if _, err := output(ctx, "peers/libp2p", "go", "build", "-o", path, "."); err != nil {
		return nil, "", err
	}
	version, err := modules(path, "github.com/libp2p/go-libp2p", "github.com/libp2p/go-libp2p-kad-dht", "github.com/quic-go/quic-go")
	return []string{path}, version, err
}

func buildOpenDHT(ctx context.Context, dir string) ([]string, string, error) {
	path := filepath.Join(dir, "opendht")
	version, err := output(ctx, "", "pkg-config", "--modversion", "opendht")
	if err != nil {
		return nil, "", err
	}
	if _, err = output(ctx, "peers/opendht", "make", "-s", "OUT="+path); err != nil {
		return nil, "", err
	}
	return []string{path}, "opendht " + version, nil
}

func inJSON(w work.Work) []string {
	text, _ := json.Marshal(w) // of numbers: it cannot fail
	return []string{string(text)}
}

// inOrder is for a program that knows no JSON.
func inOrder(w work.Work) (arguments []string) {
	for _, n := range []int{w.Nodes, w.Contacts, w.Stores, w.Burst, w.Callers, w.Readers, w.ValueSize, int(w.Seed)} {
		arguments = append(arguments, strconv.Itoa(n))
	}
	return arguments
}

// output is what a tool prints. Its last line is why it failed.
func output(ctx context.Context, dir, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, name, arguments...)
	var out, complaint bytes.Buffer
	command.Dir, command.Stdout, command.Stderr = dir, &out, &complaint
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", name, errors.Join(err, lastLine(complaint.String())))
	}
	return strings.TrimSpace(out.String()), nil
}

func lastLine(text string) error {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return errors.New(last)
	}
	return nil
}
