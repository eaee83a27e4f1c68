package mainline_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log"
	"net/netip"
	"os"
	"slices"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/mainline"
)

// somewhere is a little network on this machine, and a node in it.
func somewhere() (ctx context.Context, node *mainline.Node, others []*mainline.Node, leave func()) {
	ctx = context.Background()
	config := mainline.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Loopback: true}
	var nodes []*mainline.Node
	for i := range 8 {
		n, err := mainline.Open(config)
		if err != nil {
			log.Fatal(err)
		}
		nodes = append(nodes, n)
		if i > 0 {
			if err := n.Join(ctx, nodes[0].Addr().String()); err != nil {
				log.Fatal(err)
			}
		}
	}
	return ctx, nodes[7], nodes[:7], func() {
		for _, n := range nodes {
			n.Close()
		}
	}
}

// A node joins whoever is named to it, and nobody else. On the internet that
// would be mainline.Config{Bootstrap: []string{"host:port"}, ReadOnly: true}
// for a tool that is gone in a minute.
func Example() {
	friend, err := mainline.Open(mainline.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Loopback: true})
	if err != nil {
		log.Fatal(err)
	}
	defer friend.Close()

	node, err := mainline.Open(mainline.Config{
		Listen:    netip.MustParseAddrPort("127.0.0.1:0"),
		Loopback:  true, // for tests alone
		Bootstrap: []string{friend.Addr().String()},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	found, err := node.FindNode(context.Background(), friend.ID())
	fmt.Println(found[0].ID == friend.ID(), err)
	// Output: true <nil>
}

func ExampleNode_Ping() {
	ctx, node, others, leave := somewhere()
	defer leave()
	contact, err := node.Ping(ctx, others[0].Addr())
	fmt.Println(contact.ID == others[0].ID(), err)
	// Output: true <nil>
}

// The same with a callback: many at once, and the script goes on.
func ExampleNode_PingFunc() {
	ctx, node, others, leave := somewhere()
	defer leave()
	answers := make(chan error)
	for _, other := range others {
		node.PingFunc(ctx, other.Addr(), func(_ kad.Contact, err error) { answers <- err })
	}
	for range others {
		if err := <-answers; err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(len(others), "pinged")
	// Output: 7 pinged
}

func ExampleNode_FindNode() {
	ctx, node, others, leave := somewhere()
	defer leave()
	closest, err := node.FindNode(ctx, others[3].ID())
	fmt.Println(len(closest), closest[0].V4 == others[3].Addr(), err)
	// Output: 7 true <nil>
}

func ExampleNode_AnnouncePeer() {
	ctx, node, others, leave := somewhere()
	defer leave()
	infohash := kad.HashID([]byte("a torrent"))
	result, err := node.AnnouncePeer(ctx, infohash, 6881)
	fmt.Println("stored at", len(result.Stored), "nodes:", err)
	peers, err := others[0].GetPeers(ctx, infohash)
	fmt.Println(peers, err)
	// Output:
	// stored at 7 nodes: <nil>
	// [127.0.0.1:6881] <nil>
}

// Peers yields them as they come in.
func ExampleNode_Peers() {
	ctx, node, others, leave := somewhere()
	defer leave()
	infohash := kad.HashID([]byte("a torrent"))
	if _, err := others[1].AnnouncePeer(ctx, infohash, 6881); err != nil {
		log.Fatal(err)
	}
	for peer, err := range node.Peers(ctx, infohash) {
		fmt.Println(peer, err)
		break
	}
	// Output: 127.0.0.1:6881 <nil>
}

func ExampleNode_GetPeersFunc() {
	ctx, node, others, leave := somewhere()
	defer leave()
	infohash := kad.HashID([]byte("a torrent"))
	if _, err := others[1].AnnouncePeer(ctx, infohash, 6881); err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	node.GetPeersFunc(ctx, infohash, func(peers []netip.AddrPort, err error) {
		if fmt.Println(peers, err); len(peers) == 0 {
			close(done)
		}
	})
	<-done
	// Output:
	// [127.0.0.1:6881] <nil>
	// [] <nil>
}

func ExampleNode_PutImmutable() {
	ctx, node, others, leave := somewhere()
	defer leave()
	result, err := node.PutImmutable(ctx, "Hello World!")
	fmt.Println(result.Target, len(result.Stored), err)
	item, err := others[2].Get(ctx, result.Target)
	fmt.Printf("%s %v\n", item.Value, err)
	// Output:
	// e5f96f6f38320f0f33959cb4d3d656452117aadb 7 <nil>
	// 12:Hello World! <nil>
}

func ExampleNode_PutMutable() {
	ctx, node, others, leave := somewhere()
	defer leave()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	salt := []byte("news")
	for seq, news := range []string{"first", "second"} {
		if _, err := node.PutMutable(ctx, key, salt, news, int64(seq)); err != nil {
			log.Fatal(err)
		}
	}
	target := mainline.MutableTarget(kad.PublicKeyOf(key), salt)
	item, err := others[2].Get(ctx, target, mainline.GetOptions{Salt: salt})
	fmt.Printf("%d %s %v\n", item.Seq, item.Value, err)

	result, err := node.PutMutable(ctx, key, salt, "third", 2, 0) // only if it is at 0
	fmt.Println(result.Refused[0].Err, err)
	// Output:
	// 1 6:second <nil>
	// cas is 0, seq is 1 (301) store 7cde3afdc8f851983564209b3545e663c07579a8: nobody stored it
}

func ExampleNode_Get() {
	ctx, node, others, leave := somewhere()
	defer leave()
	result, err := others[0].PutImmutable(ctx, map[string]any{"name": "khashmir", "born": 2002})
	if err != nil {
		log.Fatal(err)
	}
	item, err := node.Get(ctx, result.Target)
	if err != nil {
		log.Fatal(err)
	}
	var project struct {
		Name string `bencode:"name"`
		Born int    `bencode:"born"`
	}
	fmt.Println(item.Decode(&project), project.Name, project.Born)
	// Output: <nil> khashmir 2002
}

func ExampleNode_SampleInfohashes() {
	ctx, node, others, leave := somewhere()
	defer leave()
	infohash := kad.HashID([]byte("a torrent"))
	if _, err := node.AnnouncePeer(ctx, infohash, 6881); err != nil {
		log.Fatal(err)
	}
	samples, err := node.SampleInfohashes(ctx, others[0].Addr(), infohash)
	fmt.Println(samples.Held, samples.Hashes[0] == infohash, err)
	// Output: 1 true <nil>
}

func ExampleNode_Scrape() {
	ctx, node, others, leave := somewhere()
	defer leave()
	infohash := kad.HashID([]byte("a torrent"))
	if _, err := others[0].AnnounceSeed(ctx, infohash, 6881); err != nil {
		log.Fatal(err)
	}
	scraped, err := node.Scrape(ctx, infohash)
	fmt.Printf("%.0f seeds, %.0f others: %v\n", scraped.Seeds, scraped.Peers, err)
	// Output: 1 seeds, 0 others: <nil>
}

// Query asks anything of anybody.
func ExampleNode_Query() {
	ctx, node, others, leave := somewhere()
	defer leave()
	target := kad.HashID([]byte("anything"))
	reply, err := node.Query(ctx, others[0].Addr(), "find_node", map[string]any{"target": string(target[:])})
	fmt.Println(len(reply.Message.Contacts()), "contacts:", err)
	_, err = node.Query(ctx, others[0].Addr(), "vote", nil)
	fmt.Println(err == nil)
	// Output:
	// 7 contacts: <nil>
	// false
}

// A handler answers queries of your own making.
func ExampleConfig_handler() {
	ctx, node, _, leave := somewhere()
	defer leave()
	echo, err := mainline.Open(mainline.Config{
		Listen: netip.MustParseAddrPort("127.0.0.1:0"), Loopback: true,
		Handler: func(in mainline.Incoming) (mainline.Answer, bool) {
			if in.Method != "echo" {
				return mainline.Answer{}, false // the node answers itself
			}
			return mainline.Answer{Values: map[string]any{"from": in.From.Addr().String()}}, true
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer echo.Close()
	reply, err := node.Query(ctx, echo.Addr(), "echo", nil)
	if err != nil {
		log.Fatal(err)
	}
	values, err := reply.Values()
	fmt.Println(values["from"], err)
	// Output: 127.0.0.1 <nil>
}

// A FlatTable keeps every node that was ever seen.
func ExampleFlatTable() {
	ctx, _, others, leave := somewhere()
	defer leave()
	table := new(mainline.FlatTable)
	node, err := mainline.Open(mainline.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Loopback: true, Table: table})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	if err := node.Join(ctx, others[0].Addr().String()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(table.Len(), table.Entries()[0].Contact.V4 == others[0].Addr())
	// Output: 8 true
}

func ExamplePrefixTable_Under() {
	var table mainline.PrefixTable
	for i := range 100 {
		table.Seen(mainline.Sighting{Contact: kad.Contact{ID: kad.ID{byte(i)}}})
	}
	fmt.Println(len(table.Under(kad.NewRange(kad.ID{0x20}, 4))), "IDs begin with a 2")
	// Output: 16 IDs begin with a 2
}

// Crawl asks all nodes that can be found; each line it writes is JSON, and a
// crawl that was cut short goes on from them.
func ExampleCrawl() {
	ctx, node, _, leave := somewhere()
	defer leave()
	out, err := os.CreateTemp("", "crawl-*.jsonl")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(out.Name())
	defer out.Close()
	report, err := mainline.Crawl(ctx, node, mainline.CrawlConfig{Out: out, Rounds: 2})
	versions := make([]string, 0)
	for v := range report.Versions {
		versions = append(versions, v)
	}
	slices.Sort(versions)
	fmt.Println(report.Answered, "of", report.Heard, versions, report.Came, report.Went, err)
	// Output: 7 of 7 [KM] 0 0 <nil>
}
