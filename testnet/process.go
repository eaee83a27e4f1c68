package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/khashmir/kad/khashmir"
)

// process is a peer that is a process of its own: this program, run once more
// with PeerCommand. It ends when it is closed or aborted, and by itself when
// this process ends, however that does.
type process struct {
	id   khashmir.ID
	addr string

	cmd   *exec.Cmd
	input io.WriteCloser
	said  complaint
	ended chan struct{} // closed when the process is gone

	mu      sync.Mutex
	closed  bool // by us
	orders  *json.Encoder
	last    uint64
	waiting map[uint64]chan answer
}

// patience is how long a process that is to close may take before it is killed.
const patience = 10 * time.Second

// startProcess returns when the peer listens.
func startProcess(ctx context.Context, o opening) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	p := &process{
		cmd:     exec.Command(program, PeerCommand),
		ended:   make(chan struct{}),
		waiting: make(map[uint64]chan answer),
	}
	p.cmd.Stderr = &p.said
	var output io.Reader
	if p.input, err = p.cmd.StdinPipe(); err == nil {
		output, err = p.cmd.StdoutPipe()
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start a process: %w", err)
	}
	p.orders = json.NewEncoder(p.input)
	go p.listen(json.NewDecoder(output))
	a, err := p.ask(ctx, order{Do: doOpen, Open: &o})
	if err != nil {
		_ = p.Abort()
		return nil, err
	}
	p.id, p.addr = a.ID, a.Addr
	return p, nil
}

// listen takes the answers to who waits for them, until there are no more.
func (p *process) listen(answers *json.Decoder) {
	defer close(p.ended)
	for {
		var a answer
		if err := answers.Decode(&a); err != nil {
			break
		}
		p.mu.Lock()
		if w, ok := p.waiting[a.N]; ok {
			w <- a // has room for it
			delete(p.waiting, a.N)
		}
		p.mu.Unlock()
	}
	_ = p.input.Close()
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if !closed {
		_ = p.cmd.Process.Kill() // what it says cannot be read
	}
	_ = p.cmd.Wait() // that it was killed is no news
}

func (p *process) ask(ctx context.Context, o order) (answer, error) {
	w := make(chan answer, 1)
	p.mu.Lock()
	p.last++
	o.N = p.last
	p.waiting[o.N] = w
	_ = p.orders.Encode(o) // if it fails, the process has ended
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, o.N)
		p.mu.Unlock()
	}()
	var a answer
	select {
	case a = <-w:
	case <-p.ended:
		select {
		case a = <-w: // it was its last word
		default:
			return answer{}, p.gone()
		}
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// gone is why a process that has ended cannot answer.
func (p *process) gone() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if words := p.said.words(); !p.closed {
		return fmt.Errorf("its process has ended (%v): %s", p.cmd.ProcessState, words)
	}
	return khashmir.ErrClosed
}

func (p *process) ID() khashmir.ID { return p.id }
func (p *process) Addr() string    { return p.addr }

func (p *process) AddContact(ctx context.Context, addr string) error {
	_, err := p.ask(ctx, order{Do: doMeet, Addr: addr})
	return err
}

func (p *process) FindCloseNodes(ctx context.Context) error {
	_, err := p.ask(ctx, order{Do: doJoin})
	return err
}

func (p *process) FindNode(ctx context.Context, id khashmir.ID) (found, error) {
	a, err := p.ask(ctx, order{Do: doFind, ID: id})
	return given(a.Found), err
}

func (p *process) Store(ctx context.Context, key khashmir.ID, value []byte) (stored, error) {
	a, err := p.ask(ctx, order{Do: doStore, ID: key, Value: value})
	return given(a.Stored), err
}

func (p *process) Read(ctx context.Context, key khashmir.ID) (reading, error) {
	a, err := p.ask(ctx, order{Do: doRead, ID: key})
	return given(a.Reading), err
}

func (p *process) lacks(ctx context.Context, keys []khashmir.ID) ([]khashmir.ID, error) {
	a, err := p.ask(ctx, order{Do: doLack, IDs: keys})
	return a.Lacking, err
}

func (p *process) Stats() (stats, error) {
	a, err := p.ask(context.Background(), order{Do: doStats})
	return given(a.Stats), err
}

// given is what an answer has, or nothing if it failed.
func given[T any](part *T) (whole T) {
	if part != nil {
		whole = *part
	}
	return whole
}

// Close has the peer leave politely, and waits for its end.
func (p *process) Close() error {
	if !p.close() {
		return khashmir.ErrClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := p.ask(ctx, order{Do: doClose})
	if err != nil {
		_ = p.cmd.Process.Kill()
	}
	<-p.ended
	return err
}

// Abort kills the process, and waits for its end.
func (p *process) Abort() error {
	p.close()
	err := p.cmd.Process.Kill()
	<-p.ended
	if errors.Is(err, os.ErrProcessDone) {
		return khashmir.ErrClosed
	}
	return err
}

// close is true the first time.
func (p *process) close() (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, p.closed = !p.closed, true
	return first
}

// complaint is the beginning of what a process wrote to its standard error.
type complaint struct {
	mu   sync.Mutex
	text []byte
}

func (c *complaint) Write(b []byte) (int, error) {
	const enough = 2000 // bytes; a crash tells its reason first
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, b[:min(len(b), enough-len(c.text))]...)
	return len(b), nil
}

func (c *complaint) words() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimSpace(string(c.text))
}
