package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/bench/work"
	"github.com/khashmir/kad/mainline"
)

// What can be served.
const (
	Node = "node" // of package mainline, nothing on disk
	Echo = "echo" // packets, a batch at a time, as they came
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// acquainted is how many others the node is asked to know.
const acquainted = 64

// Serve serves what until in ends. It prints its address and how many contacts it
// knows, and for each line of in what CPU it has used, in ns.
func Serve(ctx context.Context, what string, in io.Reader, out io.Writer) (err error) {
	var addr netip.AddrPort
	var contacts int
	var stop func() error
	switch what {
	case Node:
		addr, contacts, stop, err = serveNode(ctx)
	case Echo:
		addr, stop, err = serveEcho()
	default:
		err = fmt.Errorf("either %s or %s is served, not %q", Node, Echo, what)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if _, err := fmt.Fprintln(out, addr, contacts); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if _, err := fmt.Fprintln(out, work.CPU().Nanoseconds()); err != nil {
			return err
		}
	}
	return nil
}

// serveNode is a node that knows as many others, which live in this process too
// and have nothing to do.
func serveNode(ctx context.Context) (addr netip.AddrPort, contacts int, stop func() error, err error) {
	var nodes []*mainline.Node
	stop = func() (err error) {
		for _, n := range nodes {
			err = errors.Join(err, n.Close())
		}
		return err
	}
	for i := range 1 + acquainted {
		n, err := mainline.Open(mainline.Config{Listen: loopback, Loopback: true, ID: kad.HashID(fmt.Appendf(nil, "node %d", i))})
		if err != nil {
			return addr, 0, nil, errors.Join(err, stop())
		}
		nodes = append(nodes, n)
		if i == 0 {
			continue
		}
		if _, err := nodes[0].Ping(ctx, n.Addr()); err != nil {
			return addr, 0, nil, errors.Join(fmt.Errorf("get to know others: %w", err), stop())
		}
	}
	return nodes[0].Addr(), nodes[0].Stats().Contacts, stop, nil
}
