package main

import (
	"errors"
	"log"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// enter runs this program again in a network namespace of its own, or, where
// none may be made, where it is.
func enter(arguments []string) (status int) {
	for _, attributes := range []*syscall.SysProcAttr{
		{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL},
		{
			Cloneflags:  syscall.CLONE_NEWNET | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
			Pdeathsig:   syscall.SIGKILL,
		},
		{Pdeathsig: syscall.SIGKILL},
	} {
		self := exec.Command("/proc/self/exe", arguments...)
		self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
		self.SysProcAttr = attributes
		if self.Start() != nil {
			continue
		}
		err := self.Wait()
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit):
			return max(exit.ExitCode(), 1)
		case err != nil:
			log.Print(err)
			return 1
		}
		return 0
	}
	log.Print("this program cannot start itself")
	return 1
}

// isolate reports whether this is a namespace without any other network, and
// then brings up the addresses in it that all take part with: 10.99.0.0/16 is
// local.
func isolate() (alone bool) {
	interfaces, err := net.Interfaces()
	if err != nil || len(interfaces) != 1 || interfaces[0].Flags&net.FlagUp != 0 {
		return false // not ours to change
	}
	for _, command := range [][]string{
		{"link", "set", "lo", "up"},
		{"addr", "add", "10.99.0.1/16", "dev", "lo"},
	} {
		if out, err := exec.Command("ip", command...).CombinedOutput(); err != nil {
			log.Fatalf("ip %v: %v: %s(apt-get install iproute2)", command, err, out)
		}
	}
	return true
}

// bound ties a client's life to ours.
func bound() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
