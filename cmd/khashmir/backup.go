package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/khashmir/kad/store"
	"github.com/khashmir/kad/web/api"
	"github.com/khashmir/kad/web/client"
)

func (p *program) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the node's file while it runs",
		Long: `Copies the node's file to FILE, which must not be there: what it holds, its
contacts, and its identity. Keep the copy secret: who has it can be the node.
A node that runs goes on meanwhile. "khashmir restore" brings it back.`,
		Args: args(1, 1, "a FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := p.ask(cmd, p.reach, func(ctx context.Context, c *client.Client) error { return fetch(ctx, c, args[0]) })
			if err != nil && problemOf(err).Code == noNode && p.settings.at == "" {
				err = p.backupAtRest(cmd.Context(), args[0])
			}
			if err != nil {
				return err
			}
			return p.copied(args[0], "the copy is in")
		},
	}
}

// fetch has the node that runs send its file.
func fetch(ctx context.Context, c *client.Client, path string) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = c.Backup(ctx, file)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// backupAtRest copies the file of a node that does not run.
func (p *program) backupAtRest(ctx context.Context, path string) error {
	if _, err := os.Stat(p.settings.database()); err != nil {
		return &api.Problem{Code: noNode, Message: fmt.Sprintf("no node runs in %s, and none ever has", p.settings.dir)}
	}
	s, err := store.Open(p.settings.database(), store.Config{})
	if err != nil {
		return err
	}
	return errors.Join(s.Backup(ctx, path), s.Close())
}

func (p *program) copied(path, says string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case p.settings.json:
		return p.show(map[string]any{"file": path, "bytes": info.Size()})
	}
	fmt.Fprintf(p.out, "%s %s (%s)\n", says, path, size(info.Size()))
	return nil
}

func (p *program) restoreCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the node's place",
		Long: `Makes FILE, a backup, the node's file: the node is who it was then, with what it
held then, and catches up with its neighbours when it runs. No node may run in DIR.
A file that is there already is left alone, unless --force has it moved aside, to
khashmir.db.before.`,
		Args: args(1, 1, "a FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := p.restore(args[0], force); err != nil {
				return err
			}
			return p.copied(p.settings.database(), "restored to")
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "move a file that is there aside")
	return cmd
}

func (p *program) restore(from string, force bool) error {
	if err := os.MkdirAll(p.settings.dir, 0o700); err != nil {
		return err
	}
	path := p.settings.database()
	_, err := os.Stat(path)
	there := err == nil
	if there && !force {
		return fmt.Errorf("%s is there already; --force moves it aside", path)
	}
	if there { // whoever has it open holds its lock
		old, err := store.Open(path, store.Config{})
		if err != nil {
			return err
		}
		if err := old.Close(); err != nil {
			return err
		}
	}
	fresh := path + ".restoring"
	if err := copyFile(from, fresh); err != nil {
		return err
	}
	if err := whole(fresh); err != nil {
		return errors.Join(fmt.Errorf("%s is no backup of a node: %w", from, err), os.Remove(fresh))
	}
	if there {
		if err := os.Rename(path, filepath.Join(p.settings.dir, databaseName+".before")); err != nil {
			return err
		}
	}
	return os.Rename(fresh, path)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// whole: a store can be opened on it, and has an identity.
func whole(path string) error {
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return errors.Join(errors.New("it is empty"), err)
	}
	s, err := store.Open(path, store.Config{})
	if err != nil {
		return err
	}
	_, ok, err := s.Identity()
	if err == nil && !ok {
		err = errors.New("it has no identity")
	}
	err = errors.Join(err, s.Close())
	for _, more := range []string{"-wal", "-damaged"} {
		if removing := os.Remove(path + more); !errors.Is(removing, fs.ErrNotExist) {
			err = errors.Join(err, removing)
		}
	}
	return err
}
