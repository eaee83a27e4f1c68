//go:build !linux

package main

import (
	"errors"
	"log"
	"os"
	"os/exec"
	"syscall"
)

// enter runs this program again where it is: there are no namespaces here.
func enter(arguments []string) (status int) {
	program, err := os.Executable()
	if err != nil {
		log.Print(err)
		return 1
	}
	self := exec.Command(program, arguments...)
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = self.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1)
	}
	if err != nil {
		log.Print(err)
		return 1
	}
	return 0
}

func isolate() (alone bool) { return false }

func bound() *syscall.SysProcAttr { return nil }
