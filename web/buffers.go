package web

import (
	"bufio"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	kad "github.com/khashmir/kad"
	"github.com/khashmir/kad/web/api"
)

// buffers: packets that came and were thrown away because there was no room for
// them to wait in. Linux says so for each socket, other systems do not.
func buffers(proc fs.FS, port uint16, before, now sample) api.Check {
	c := api.Check{Name: "buffers", State: api.OK}
	if _, ok := drops(proc, port); !ok {
		c.Says = "This system does not say whether packets were lost for want of room."
		return c
	}
	lost := now.drops - before.drops
	c.Says = fmt.Sprintf("%d packets were lost for want of room, %d in the last %s.", now.drops, lost, rough(now.at.Sub(before.at)))
	if lost <= 0 {
		return c
	}
	c.State, c.Do = api.Warning, "The machine is too busy, or floods come: give the node more of a processor."
	if room, ok := most(proc); ok && room <= kad.SmallBuffer {
		c.Do = fmt.Sprintf("Sockets get %d bytes here at the most: sysctl -w net.core.rmem_max=%d, and restart the node.", room, kad.UDPBuffer)
	}
	return c
}

// drops is how many packets the sockets at port have lost. ok is false if the
// system does not say.
func drops(proc fs.FS, port uint16) (sum int64, ok bool) {
	for _, name := range []string{"net/udp", "net/udp6"} {
		file, err := proc.Open(name)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			// sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode ref pointer drops
			fields := strings.Fields(lines.Text())
			if len(fields) < 13 || !isAt(fields[1], port) {
				continue
			}
			if n, err := strconv.ParseInt(fields[12], 10, 64); err == nil {
				sum, ok = sum+n, true
			}
		}
		file.Close()
	}
	return sum, ok
}

// isAt: address is like 0100007F:1F90, with the port last.
func isAt(address string, port uint16) bool {
	_, digits, _ := strings.Cut(address, ":")
	n, err := strconv.ParseUint(digits, 16, 16)
	return err == nil && uint16(n) == port
}

// most is how large a socket's buffer may be.
func most(proc fs.FS) (bytes int, ok bool) {
	text, err := fs.ReadFile(proc, "sys/net/core/rmem_max")
	if err != nil {
		return 0, false
	}
	bytes, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return bytes, err == nil
}
