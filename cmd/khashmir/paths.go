package main

import (
	"os"
	"path/filepath"
)

// A node's directory has its file and, while it runs, its socket.
const (
	databaseName = "khashmir.db"
	socketName   = "khashmir.sock"
)

// defaultDir is systemd's StateDirectory where there is one, and else where
// programs keep their state.
func defaultDir() string {
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "khashmir")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "khashmir")
	}
	return "khashmir"
}

func (s settings) database() string { return filepath.Join(s.dir, databaseName) }

func (s settings) socketPath() string {
	if s.socket != "" {
		return s.socket
	}
	return filepath.Join(s.dir, socketName)
}
