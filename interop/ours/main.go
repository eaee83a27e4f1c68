// Command ours drives a mainline node of ours by lines on standard input (see
// package lines). It knows two commands more, that ask one node and no other:
//
//	holds IP:PORT TARGET        the value of the item that it holds
//	knows IP:PORT HASH          the peers that it holds
//
// Usage:
//
//	ours IP
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/interop/lines"
	"github.com/khashmir/kad/mainline"
)

// patience bounds one command.
const patience = 15 * time.Second

type client struct {
	node *mainline.Node
	ip   netip.Addr
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ip string) error {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return err
	}
	node, err := mainline.Open(mainline.Config{Listen: netip.AddrPortFrom(addr, 0), Loopback: true})
	if err != nil {
		return err
	}
	c := &client{node, addr}
	lines.Serve(node.Addr().String(), map[string]lines.Command{
		"boot": c.boot, "announce": c.announce, "peers": c.peers,
		"put": c.put, "get": c.get, "putm": c.putMutable, "getm": c.getMutable,
		"holds": c.holds, "knows": c.knows,
	})
	return node.Close()
}

func bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

func (c *client) boot(words []string) (string, error) {
	ctx, cancel := bounded()
	defer cancel()
	return "", c.node.Join(ctx, words[0])
}

func (c *client) announce(words []string) (string, error) {
	ctx, cancel := bounded()
	defer cancel()
	port, err := strconv.Atoi(words[1])
	if err != nil {
		return "", err
	}
	_, err = c.node.AnnouncePeer(ctx, id(words[0]), port)
	return netip.AddrPortFrom(c.ip, uint16(port)).String(), err
}

func (c *client) peers(words []string) (string, error) {
	ctx, cancel := bounded()
	defer cancel()
	found, err := c.node.GetPeers(ctx, id(words[0]))
	return addresses(found), err
}

func addresses(addrs []netip.AddrPort) string {
	var words []string
	for _, addr := range addrs {
		words = append(words, addr.String())
	}
	return strings.Join(words, " ")
}

func (c *client) put(words []string) (string, error) {
	ctx, cancel := bounded()
	defer cancel()
	result, err := c.node.PutImmutable(ctx, unhex(words[0]))
	return hex.EncodeToString(result.Target[:]), err
}

func (c *client) get(words []string) (string, error) {
	ctx, cancel := bounded()
	defer cancel()
	item, err := c.node.Get(ctx, id(words[0]))
	if err != nil {
		return "", err
	}
	return text(item)
}

func text(item mainline.Item) (string, error) {
	var value string
	err := item.Decode(&value)
	return hex.EncodeToString([]byte(value)), err
}

func (c *client) putMutable(words []string) (string, error) {
	ctx, cancel := bounded()
	defer cancel()
	seq, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		return "", err
	}
	key := ed25519.NewKeyFromSeed(unhex(words[0]))
	result, err := c.node.PutMutable(ctx, key, unhex(words[2]), unhex(words[4]), seq)
	return hex.EncodeToString(result.Target[:]), err
}

func (c *client) getMutable(words []string) (string, error) {
	ctx, cancel := bounded()
	defer cancel()
	key, salt := unhex(words[0]), unhex(words[1])
	target := kad.ID(sha1.Sum(append(key, salt...)))
	item, err := c.node.Get(ctx, target, mainline.GetOptions{Salt: salt})
	if err != nil {
		return "", err
	}
	value, err := text(item)
	return fmt.Sprintf("%d %s", item.Seq, value), err
}

func (c *client) holds(words []string) (string, error) {
	values, err := c.ask(words[0], "get", "target", words[1])
	value, _ := values["v"].(string)
	return hex.EncodeToString([]byte(value)), err
}

func (c *client) knows(words []string) (string, error) {
	values, err := c.ask(words[0], "get_peers", "info_hash", words[1])
	var found []netip.AddrPort
	list, _ := values["values"].([]any)
	for _, value := range list {
		if peer, _ := value.(string); len(peer) == 6 {
			ip, _ := netip.AddrFromSlice([]byte(peer[:4]))
			found = append(found, netip.AddrPortFrom(ip, uint16(peer[4])<<8|uint16(peer[5])))
		}
	}
	return addresses(found), err
}

func (c *client) ask(addr, method, key, target string) (map[string]any, error) {
	ctx, cancel := bounded()
	defer cancel()
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	sought := id(target)
	reply, err := c.node.Query(ctx, to, method, map[string]any{key: string(sought[:])})
	if err != nil {
		return nil, err
	}
	return reply.Values()
}

func id(word string) (id kad.ID) {
	copy(id[:], unhex(word))
	return id
}

// unhex is the bytes that a word of hex says; "-" is none.
func unhex(word string) []byte {
	b, _ := hex.DecodeString(strings.TrimPrefix(word, "-"))
	return b
}
