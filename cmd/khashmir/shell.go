package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/khashmir/kad/shell"
	"github.com/khashmir/kad/web/client"
)

func (p *program) shellCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "shell [FILE [ARGUMENT...]]",
		Short: "Talk to the node in Lua",
		Long: `A shell in Kademlua's manner: Lua 5.1, and a node to ask. Its prompt is

  20~40 | 496 >

contacts ~ nodes that the network has, estimated | KiB that the node's process uses.
help() lists what there is: add, findvalue, findnode, sha1, routing, ...

With FILE it runs that, and the script has the arguments in arg; without a terminal
it runs what comes from standard input. A script can reach the node and nothing
else: no files, no programs, no modules.`,
		Example: `  khashmir shell
  khashmir shell fill.lua 100
  echo 'print(#findvalue(sha1("greeting")))' | khashmir shell`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.settings.timeout = math.MaxInt64
			return p.ask(cmd, p.reachOrJoin, func(ctx context.Context, c *client.Client) error { return p.lua(ctx, c, args) })
		},
	}
}

// lua runs a file, or what is typed, or what comes from a pipe.
func (p *program) lua(ctx context.Context, c *client.Client, args []string) error {
	config := shell.Config{In: p.in, Out: p.out, Err: p.err}
	name, from := "standard input", p.in
	switch in, ok := p.in.(*os.File); {
	case len(args) > 0:
		file, err := os.Open(args[0])
		if err != nil {
			return usage("%w", err)
		}
		defer file.Close()
		name, from, args = args[0], file, args[1:]
	case ok && term.IsTerminal(int(in.Fd())):
		return p.prompt(ctx, c, config)
	}
	s := shell.New(c, config)
	defer s.Close()
	return s.RunFile(ctx, name, from, args)
}

// prompt is the shell at a terminal. There Ctrl-C is for what runs in it.
func (p *program) prompt(ctx context.Context, c *client.Client, config shell.Config) error {
	signal.Reset(os.Interrupt)
	if err := os.MkdirAll(p.settings.dir, 0o700); err != nil {
		return fmt.Errorf("make the node's directory: %w", err)
	}
	config.Interactive, config.History = true, filepath.Join(p.settings.dir, "history")
	s := shell.New(c, config)
	defer s.Close()
	return s.Run(ctx)
}
