package floors

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
)

// rawQUIC is one open connection of quic-go, a stream a question, and nothing
// around it.
type rawQUIC struct {
	listener *quic.Listener
	conn     *quic.Conn
	serving  sync.WaitGroup
}

func newRawQUIC() (*rawQUIC, error) {
	server, client, err := tlsConfigs()
	if err != nil {
		return nil, err
	}
	config := &quic.Config{MaxIncomingStreams: 2 * inFlight}
	listener, err := quic.ListenAddr(loopback.String(), server, config)
	if err != nil {
		return nil, err
	}
	r := &rawQUIC{listener: listener}
	r.serving.Go(r.serve)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if r.conn, err = quic.DialAddr(ctx, listener.Addr().String(), client, config); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func tlsConfigs() (server, client *tls.Config, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return nil, nil, err
	}
	protocols := []string{"floor"}
	server = &tls.Config{NextProtos: protocols, Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: private}}}
	return server, &tls.Config{NextProtos: protocols, InsecureSkipVerify: true}, nil // the handshake is not what is measured
}

func (r *rawQUIC) serve() {
	conn, err := r.listener.Accept(context.Background())
	if err != nil {
		return
	}
	answer := make([]byte, answerSize)
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		r.serving.Go(func() {
			if _, err := io.ReadAll(stream); err == nil {
				_, _ = stream.Write(answer)
			}
			stream.Close()
		})
	}
}

func (r *rawQUIC) ask(callers int) func(count int) error {
	return func(count int) error {
		var next atomic.Int64
		var asking sync.WaitGroup
		var failed atomic.Pointer[error]
		for range callers {
			asking.Go(func() {
				for next.Add(1) <= int64(count) {
					if err := r.askOne(); err != nil {
						failed.Store(&err)
						return
					}
				}
			})
		}
		asking.Wait()
		if err := failed.Load(); err != nil {
			return *err
		}
		return nil
	}
}

func (r *rawQUIC) askOne() error {
	stream, err := r.conn.OpenStreamSync(context.Background())
	if err != nil {
		return err
	}
	if _, err = stream.Write(make([]byte, questionSize)); err != nil {
		return err
	}
	stream.Close()
	answer, err := io.ReadAll(stream)
	if err == nil && len(answer) != answerSize {
		err = fmt.Errorf("an answer of %d bytes", len(answer))
	}
	return err
}

func (r *rawQUIC) close() error {
	if r.conn != nil {
		_ = r.conn.CloseWithError(0, "")
	}
	err := r.listener.Close()
	r.serving.Wait()
	return err
}
