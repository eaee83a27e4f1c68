package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// transmission is transmission-daemon, whose DHT is jech's. It is told by its
// own RPC to have torrents; it announces these and looks for their peers. It
// has no items.
type transmission struct {
	ip      string
	folder  string
	door    *door
	command *exec.Cmd
	session string
	known   map[string]bool // the torrents it has
}

const (
	transmissionPort = "51413"
	transmissionRPC  = "9091"

	// unwanted is the torrent that shows that it can announce.
	unwanted = "00000000000000000000000000000000000000ff"
)

// startTransmission starts nothing yet: whom to bootstrap from stands in a file
// that the daemon reads at its start.
func startTransmission(ip string, d *door) (client, error) {
	folder, err := os.MkdirTemp("", "interop-transmission-")
	if err != nil {
		return nil, err
	}
	t := &transmission{ip: ip, folder: folder, door: d, known: make(map[string]bool)}
	settings, err := json.Marshal(map[string]any{
		"dht-enabled": true, "pex-enabled": false, "lpd-enabled": false, "utp-enabled": false,
		"port-forwarding-enabled": false, "peer-port": 51413, "peer-port-random-on-start": false,
		"bind-address-ipv4": ip, "bind-address-ipv6": "::1", "blocklist-enabled": false, "encryption": 0,
		"download-dir": folder, "incomplete-dir-enabled": false, "start-added-torrents": true,
		"rpc-enabled": true, "rpc-bind-address": ip, "rpc-port": 9091, "rpc-authentication-required": false,
		"rpc-whitelist-enabled": false, "rpc-host-whitelist-enabled": false,
	})
	if err != nil {
		return nil, err
	}
	return t, os.WriteFile(filepath.Join(folder, "settings.json"), settings, 0o600)
}

func (t *transmission) addr() string { return t.ip + ":" + transmissionPort }

func (t *transmission) do(words ...string) (string, error) {
	switch words[0] {
	case "boot":
		return "", t.boot(words[1])
	case "announce":
		return t.addr(), t.add(words[1])
	case "peers":
		if err := t.add(words[1]); err != nil {
			return "", err
		}
		if t.door.asked(words[1]) {
			return t.door.addr(), nil
		}
		return "", nil
	}
	return "", errNever
}

// boot is done when the daemon thinks that it knows nodes enough to announce
// anything, which takes it most of a minute.
func (t *transmission) boot(addr string) error {
	line := strings.ReplaceAll(addr, ":", " ") + "\n"
	if err := os.WriteFile(filepath.Join(t.folder, "dht.bootstrap"), []byte(line), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(t.folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	t.command = exec.Command("transmission-daemon", "-f", "-g", t.folder, "--log-debug")
	t.command.Stdout, t.command.Stderr = log, log
	t.command.SysProcAttr = bound()
	if err := t.command.Start(); err != nil {
		return err
	}
	if err := again(func() error { return t.add(unwanted) }); err != nil {
		return err
	}
	return again(func() error {
		said, err := os.ReadFile(log.Name())
		if err == nil && !bytes.Contains(said, []byte("Starting IPv4 DHT announce")) {
			err = errors.New("it never says that it begins to announce")
		}
		return err
	})
}

// add has it have a torrent that knows no tracker.
func (t *transmission) add(infohash string) error {
	if t.known[infohash] {
		return nil
	}
	err := t.call("torrent-add", map[string]any{"filename": "magnet:?xt=urn:btih:" + infohash})
	t.known[infohash] = err == nil
	return err
}

func (t *transmission) call(method string, arguments map[string]any) error {
	body, err := json.Marshal(map[string]any{"method": method, "arguments": arguments})
	if err != nil {
		return err
	}
	for range 2 { // the first answer only tells the session
		request, err := http.NewRequest("POST", "http://"+t.ip+":"+transmissionRPC+"/transmission/rpc", bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("X-Transmission-Session-Id", t.session)
		reply, err := (&http.Client{Timeout: patience}).Do(request)
		if err != nil {
			return err
		}
		said, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if reply.StatusCode == http.StatusConflict {
			t.session = reply.Header.Get("X-Transmission-Session-Id")
			continue
		}
		var result struct{ Result string }
		if json.Unmarshal(said, &result); result.Result == "success" {
			return nil
		}
		return fmt.Errorf("%s: %s %s %v", method, reply.Status, said, err)
	}
	return fmt.Errorf("%s: no session", method)
}

func (t *transmission) close() {
	if t.command != nil && t.command.Process != nil {
		t.command.Process.Kill()
		t.command.Wait()
	}
	os.RemoveAll(t.folder)
}
