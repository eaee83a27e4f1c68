package floors

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// packets is two UDP sockets, of which one answers every packet.
type packets struct {
	answerer *net.UDPConn
	to       netip.AddrPort
	echoing  sync.WaitGroup
}

func newPackets() (*packets, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		return nil, err
	}
	p := &packets{answerer: conn, to: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
	p.echoing.Go(func() {
		question, answer := make([]byte, 2*answerSize), make([]byte, answerSize)
		for {
			_, from, err := conn.ReadFromUDPAddrPort(question)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(answer, from)
		}
	})
	return p, nil
}

// ask sends count packets over one socket and takes as many, with so many on
// their way. One that loopback loses ends it with an error.
func (p *packets) ask(callers int) func(count int) error {
	return func(count int) error {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			return err
		}
		question, answer := make([]byte, questionSize), make([]byte, 2*answerSize)
		for sent, taken := 0, 0; taken < count; taken++ {
			for ; sent < count && sent-taken < callers; sent++ {
				if _, err := conn.WriteToUDPAddrPort(question, p.to); err != nil {
					return err
				}
			}
			if _, _, err := conn.ReadFromUDPAddrPort(answer); err != nil {
				return err
			}
		}
		return nil
	}
}

func (p *packets) close() error {
	err := p.answerer.Close()
	p.echoing.Wait()
	return err
}
