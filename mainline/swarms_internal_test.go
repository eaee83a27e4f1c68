package mainline

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	kad "github.com/khashmir/kad"
)

// BenchmarkAnnounce is of what docs/adr/0011-mainline.md weighs against a disk:
// swarms that are full, so that every announcement takes another's place.
func BenchmarkAnnounce(b *testing.B) {
	s := newSwarms(6, limits{swarms: kad.MaxSwarms, perSwarm: kad.MaxSwarmPeers, peers: kad.MaxPeers, lifetime: kad.PeerTTL})
	announce := func(i uint32) {
		ip := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, i*2654435761)))
		s.announce(kad.ID{byte(i)}, netip.AddrPortFrom(ip, 6881), false, time.Unix(int64(i), 0).Unix())
	}
	for i := range uint32(256 * kad.MaxSwarmPeers) {
		announce(i)
	}
	i := uint32(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		i++
		announce(i)
	}
}
