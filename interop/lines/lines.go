// Package lines is how the clients of this folder are driven: a command a line
// on standard input, its answer a line on standard output. First of all a
// client says "ready IP:PORT".
//
//	boot IP:PORT                        know this node
//	announce HASH PORT                  announce; the answer is the IP:PORT announced
//	peers HASH                          the peers found
//	put VALUE                           store it as an immutable item; the answer is its target
//	get TARGET                          the value of an immutable item
//	putm SEED KEY SALT SEQ VALUE        store a mutable item; the answer is its target
//	getm KEY SALT TARGET                the version and the value of a mutable item
//
// All but ports and versions is in hex; a value is a string of bytes, and an
// empty salt is "-". An answer is "ok" and what was asked for, or "no" and why.
package lines

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// Command answers one line, without its first word.
type Command func(words []string) (string, error)

// Serve does what it is told until standard input ends.
func Serve(addr string, commands map[string]Command) {
	fmt.Println("ready", addr)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		command := commands[words[0]]
		if command == nil {
			fmt.Println("no", "such command")
			continue
		}
		if answer, err := command(words[1:]); err != nil {
			fmt.Println("no", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok", answer)
		}
	}
}
