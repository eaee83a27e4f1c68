package main

import (
	"encoding/hex"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// door is the peer that is announced: it hears who comes, and for what. A
// client that tells nobody what it found is found out so.
type door struct {
	listener net.Listener
	running  sync.WaitGroup
	lock     sync.Mutex
	wanted   map[string]bool // the info-hashes that were asked for, in hex
}

func open(ip string) (*door, error) {
	listener, err := net.Listen("tcp", ip+":0")
	if err != nil {
		return nil, err
	}
	d := &door{listener: listener, wanted: make(map[string]bool)}
	d.running.Go(d.serve)
	return d, nil
}

func (d *door) addr() string { return d.listener.Addr().String() }

func (d *door) port() string {
	return strconv.Itoa(d.listener.Addr().(*net.TCPAddr).Port)
}

func (d *door) serve() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.running.Go(func() { d.hear(conn) })
	}
}

// hear reads a handshake of BEP 3: 19, its name, 8 bytes, the info-hash.
func (d *door) hear(conn net.Conn) {
	defer conn.Close()
	var handshake [48]byte
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(conn, handshake[:]); err == nil {
		d.lock.Lock()
		d.wanted[hex.EncodeToString(handshake[28:])] = true
		d.lock.Unlock()
	}
}

func (d *door) asked(infohash string) bool {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.wanted[infohash]
}

func (d *door) close() {
	d.listener.Close()
	d.running.Wait()
}
