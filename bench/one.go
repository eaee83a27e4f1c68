package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/bench/ours"
	"github.com/khashmir/kad/bench/work"
)

// The three ways in which ours is measured.
const (
	variantFile    = "file"    // SQLite, commits in groups; sealed datagrams
	variantMemory  = "memory"  // the same without a disk
	variantStreams = "streams" // SQLite; QUIC streams alone
)

var variants = []string{variantFile, variantMemory, variantStreams}

func swarm(variant string, nodes int) (*ours.Swarm, error) {
	if !slices.Contains(variants, variant) {
		return nil, fmt.Errorf("ours is one of %s, not %q", strings.Join(variants, ", "), variant)
	}
	return ours.New(nodes, variant == variantMemory, variant == variantStreams)
}

// oneCommand is what this program runs itself as, for each of our networks.
func oneCommand() *cobra.Command {
	return &cobra.Command{
		Use: "one VARIANT WORK", Hidden: true, Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			var w work.Work
			if err := json.Unmarshal([]byte(args[1]), &w); err != nil {
				return fmt.Errorf("the work: %w", err)
			}
			s, err := swarm(args[0], w.Nodes)
			if err != nil {
				return err
			}
			figures, err := work.Measure(c.Context(), w, s, nil)
			if err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(figures)
		},
	}
}

func profileCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "profile DIR", Short: "Where the time of ours goes: CPU profiles of boot, store and find in DIR",
		Args: cobra.ExactArgs(1),
	}
	w := workFlags(c)
	variant := c.Flags().String("variant", variantFile, "which of ours: "+strings.Join(variants, ", "))
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := checked(*w); err != nil {
			return err
		}
		s, err := swarm(*variant, w.Nodes)
		if err != nil {
			return err
		}
		p := profiler{dir: args[0]}
		_, err = work.Measure(c.Context(), *w, s, p.begin)
		if err == nil {
			err = p.err
		}
		return err
	}
	return c
}

// profiler writes a CPU profile of each part.
type profiler struct {
	dir  string
	file *os.File
	err  error // the first
}

func (p *profiler) begin(part string) {
	if p.file != nil {
		pprof.StopCPUProfile()
		p.note(p.file.Close())
		p.file = nil
	}
	if part == "" || p.err != nil {
		return
	}
	p.note(os.MkdirAll(p.dir, 0o755))
	file, err := os.Create(filepath.Join(p.dir, strings.ReplaceAll(part, ", ", "-")+".pprof"))
	p.note(err)
	if err == nil {
		p.file = file
		p.note(pprof.StartCPUProfile(file))
	}
}

func (p *profiler) note(err error) {
	if p.err == nil {
		p.err = err
	}
}
