// Command anacrolix drives anacrolix/dht by lines on standard input (see
// clients.go in the folder above): a node with no bootstrap nodes of its own.
//
//	anacrolix IP
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/anacrolix/dht/v2"
	"github.com/anacrolix/dht/v2/bep44"
	"github.com/anacrolix/dht/v2/exts/getput"
	"github.com/anacrolix/dht/v2/krpc"
	peer_store "github.com/anacrolix/dht/v2/peer-store"
	"github.com/anacrolix/log"
	"github.com/anacrolix/torrent/bencode"
	"golang.org/x/time/rate"

	"github.com/khashmir/kad/interop/lines"
)

// patience bounds one command.
const patience = 15 * time.Second

// swarms are the peers announced to this node. The library's own store of them
// gives none back.
type swarms struct {
	lock  sync.RWMutex
	peers map[peer_store.InfoHash][]krpc.NodeAddr
}

func (s *swarms) AddPeer(infohash peer_store.InfoHash, peer krpc.NodeAddr) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.peers[infohash] = append(s.peers[infohash], peer)
}

func (s *swarms) GetPeers(infohash peer_store.InfoHash) []krpc.NodeAddr {
	s.lock.RLock()
	defer s.lock.RUnlock()
	return append([]krpc.NodeAddr(nil), s.peers[infohash]...)
}

type client struct {
	server *dht.Server
	ip     string
	start  []dht.Addr
}

func main() {
	c := &client{ip: os.Args[1]}
	conn, err := net.ListenPacket("udp", c.ip+":0")
	if err == nil {
		config := dht.NewDefaultServerConfig()
		config.Conn = conn
		config.NoSecurity = true
		config.StartingNodes = func() ([]dht.Addr, error) { return c.start, nil }
		config.PeerStore = &swarms{peers: make(map[peer_store.InfoHash][]krpc.NodeAddr)}
		config.Store = bep44.NewMemory()
		config.Logger = log.Default.FilterLevel(log.Critical)
		config.SendLimiter = rate.NewLimiter(rate.Inf, 1)
		c.server, err = dht.NewServer(config)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go c.server.TableMaintainer()
	lines.Serve(c.server.Addr().String(), map[string]lines.Command{
		"boot": c.boot, "announce": c.announce, "peers": c.peers,
		"put": c.put, "get": c.get, "putm": c.putMutable, "getm": c.getMutable,
	})
}

func (c *client) boot(words []string) (string, error) {
	addr, err := net.ResolveUDPAddr("udp", words[0])
	if err != nil {
		return "", err
	}
	c.start = []dht.Addr{dht.NewAddr(addr)}
	for deadline := time.Now().Add(patience); c.server.NumNodes() == 0; time.Sleep(50 * time.Millisecond) {
		// An error is that it is bootstrapping already, by itself.
		if _, err := c.server.Bootstrap(); err != nil && time.Now().After(deadline) {
			return "", err
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("the table is empty")
		}
	}
	return "", nil
}

func (c *client) announce(words []string) (string, error) {
	port, err := strconv.Atoi(words[1])
	if err != nil {
		return "", err
	}
	_, err = c.traverse(words[0], dht.AnnouncePeer(dht.AnnouncePeerOpts{Port: port}))
	return c.ip + ":" + words[1], err
}

func (c *client) peers(words []string) (string, error) {
	found, err := c.traverse(words[0])
	return strings.Join(found, " "), err
}

// traverse looks for peers, and announces too if an option says so.
func (c *client) traverse(infohash string, options ...dht.AnnounceOpt) (found []string, err error) {
	a, err := c.server.AnnounceTraversal(id(infohash), options...)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	for values := range a.Peers {
		for _, peer := range values.Peers {
			found = append(found, peer.String())
		}
	}
	select {
	case <-a.Finished():
		return found, nil
	case <-time.After(patience):
		return found, fmt.Errorf("the announce does not end")
	}
}

func (c *client) put(words []string) (string, error) {
	return c.store(bep44.Put{V: value(words[0])})
}

func (c *client) putMutable(words []string) (string, error) {
	seed, _ := hex.DecodeString(words[0])
	seq, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		return "", err
	}
	private := ed25519.NewKeyFromSeed(seed)
	put := bep44.Put{V: value(words[4]), K: new([32]byte), Salt: []byte(value(words[2])), Seq: seq}
	copy(put.K[:], private.Public().(ed25519.PublicKey))
	put.Sign(private)
	return c.store(put)
}

func (c *client) store(put bep44.Put) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	target := put.Target()
	_, err := getput.Put(ctx, target, c.server, put.Salt, func(int64) bep44.Put { return put })
	return hex.EncodeToString(target[:]), err
}

func (c *client) get(words []string) (string, error) {
	found, err := c.read(id(words[0]), nil)
	return found.text, err
}

func (c *client) getMutable(words []string) (string, error) {
	key, salt := value(words[0]), value(words[1])
	found, err := c.read(sha1.Sum([]byte(key+salt)), []byte(salt))
	return fmt.Sprintf("%d %s", found.seq, found.text), err
}

type item struct {
	seq  int64
	text string
}

func (c *client) read(target [20]byte, salt []byte) (item, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got, _, err := getput.Get(ctx, target, c.server, nil, salt)
	if err != nil {
		return item{}, err
	}
	var text string
	if err := bencode.Unmarshal(got.V, &text); err != nil {
		return item{}, err
	}
	return item{got.Seq, hex.EncodeToString([]byte(text))}, nil
}

func id(text string) (id [20]byte) {
	b, _ := hex.DecodeString(text)
	copy(id[:], b)
	return id
}

// value is the bytes that a word of hex says; "-" is none.
func value(word string) string {
	b, _ := hex.DecodeString(strings.TrimPrefix(word, "-"))
	return string(b)
}
