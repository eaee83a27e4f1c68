package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// Process is a peer in a process of its own, as its parent sees it.
type Process struct {
	Addr string // where the peer listens

	cmd  *exec.Cmd
	in   io.WriteCloser
	gone chan struct{} // closed when nothing more comes from it

	mu      sync.Mutex
	number  int
	waiting map[int]chan answer
}

// ErrProcessGone answers what a process that has ended was asked to do.
var ErrProcessGone = errors.New("the peer's process has ended")

// StartProcess starts command, which must run Peer, with the flags of config
// appended, and waits until the peer listens.
func StartProcess(ctx context.Context, command []string, config PeerConfig) (*Process, error) {
	args := append(command[1:len(command):len(command)], "--path", config.Path, "--listen", config.Listen)
	if config.Streams {
		args = append(args, "--streams")
	}
	p := &Process{
		cmd:     exec.Command(command[0], args...),
		gone:    make(chan struct{}),
		waiting: make(map[int]chan answer),
	}
	complaint := &lastWords{}
	p.cmd.Stderr = complaint
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start a peer: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a peer: %w", err)
	}
	started := p.expect(0)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a peer: %w", err)
	}
	go p.listen(out)
	a, err := p.await(ctx, started)
	if err != nil {
		p.Kill()
		return nil, fmt.Errorf("start a peer: %w: %s", err, complaint)
	}
	p.Addr = a.Addr
	return p, nil
}

// listen hands the answers to who waits for them. It ends with the process.
func (p *Process) listen(out io.Reader) {
	defer close(p.gone)
	for answers := json.NewDecoder(out); ; {
		var a answer
		if answers.Decode(&a) != nil {
			return
		}
		p.mu.Lock()
		waiting := p.waiting[a.Number]
		delete(p.waiting, a.Number)
		p.mu.Unlock()
		if waiting != nil {
			waiting <- a
		}
	}
}

func (p *Process) expect(number int) chan answer {
	waiting := make(chan answer, 1)
	p.waiting[number] = waiting
	return waiting
}

func (p *Process) await(ctx context.Context, waiting chan answer) (answer, error) {
	select {
	case a := <-waiting:
		if a.Err != "" {
			return a, errors.New(a.Err)
		}
		return a, nil
	case <-p.gone:
		return answer{}, ErrProcessGone
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
}

// Contact makes the peer known to the one at addr.
func (p *Process) Contact(ctx context.Context, addr string) error {
	_, err := p.do(ctx, order{Do: "contact", Addr: addr})
	return err
}

// Join has the peer find its neighbours.
func (p *Process) Join(ctx context.Context) error {
	_, err := p.do(ctx, order{Do: "join"})
	return err
}

// Store has the peer store a value.
func (p *Process) Store(ctx context.Context, key khashmir.ID, value []byte) error {
	_, err := p.do(ctx, order{Do: "store", Key: key, Value: value})
	return err
}

// Get has the peer look for all values under key.
func (p *Process) Get(ctx context.Context, key khashmir.ID) ([][]byte, error) {
	a, err := p.do(ctx, order{Do: "get", Key: key})
	return a.Values, err
}

// do has the peer obey o.
func (p *Process) do(ctx context.Context, o order) (answer, error) {
	p.mu.Lock()
	p.number++
	o.Number = p.number
	waiting := p.expect(o.Number)
	line, err := json.Marshal(o)
	if err == nil {
		_, err = p.in.Write(append(line, '\n'))
	}
	p.mu.Unlock()
	if err != nil {
		return answer{}, ErrProcessGone
	}
	return p.await(ctx, waiting)
}

// Kill ends the process as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.gone
	_ = p.cmd.Wait() // killed, as it says
	p.in.Close()
}

// lastWords keeps the end of what a process says before it dies.
type lastWords struct {
	mu   sync.Mutex
	tail []byte
}

func (l *lastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, b...)
	l.tail = l.tail[max(0, len(l.tail)-1000):]
	return len(b), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.tail)
}

// startAgain is how often a peer may try to listen where it listened before.
const startAgain = 20

// Restart starts the peer anew on its file and address. The system may take a
// moment to let go of what the dead process had.
func Restart(ctx context.Context, command []string, config PeerConfig) (p *Process, err error) {
	for range startAgain {
		if p, err = StartProcess(ctx, command, config); err == nil || ctx.Err() != nil {
			return p, err
		}
		if waiting := pause(ctx, 50*time.Millisecond); waiting != nil {
			return nil, waiting
		}
	}
	return nil, err
}
