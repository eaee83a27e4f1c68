//go:build !linux || (!amd64 && !arm64)

package main

// largePages can only be asked for on Linux.
func largePages(int64) {}
