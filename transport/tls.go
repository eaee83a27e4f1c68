package transport

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/quic-go/quic-go"

	kad "github.com/khashmir/kad"
)

// alpn names what is spoken inside QUIC, and the version that both speak.
const alpn = "khashmir/1"

// anyone is the server name of a dial to an address whose node is not known.
const anyone = "anyone"

var errNoIdentity = errors.New("want exactly one certificate, with an Ed25519 key")

// wrongIDError says that who answered proved another identity.
type wrongIDError struct{ asked, found string }

func (e *wrongIDError) Error() string {
	return fmt.Sprintf("asked for %s, found %s", e.asked, e.found)
}

// identityKeys is all that is made from a node's key: the proof of it, and
// two secrets that outlive a restart with it.
type identityKeys struct {
	certificate tls.Certificate
	tickets     [32]byte               // seals the sessions that others may resume
	reset       quic.StatelessResetKey // tells others at once that we forgot their connection
}

func newIdentityKeys(key ed25519.PrivateKey) (keys identityKeys, err error) {
	if keys.certificate, err = selfSigned(key); err != nil {
		return keys, err
	}
	derive := func(purpose string) (out [32]byte, err error) {
		b, err := hkdf.Key(sha256.New, key.Seed(), nil, purpose, len(out))
		copy(out[:], b)
		return out, err
	}
	if keys.tickets, err = derive("khashmir tls tickets"); err != nil {
		return keys, err
	}
	reset, err := derive("khashmir stateless reset")
	keys.reset = quic.StatelessResetKey(reset)
	return keys, err
}

// selfSigned is a certificate with nothing in it but the key. It never
// expires: the key is the identity, and TLS proves that we hold it.
func selfSigned(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280: no end
	}
	der, err := x509.CreateCertificate(nil, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// newTLS makes the two configurations of a node. InsecureSkipVerify switches
// off the check against authorities only; who the other is gets checked in
// VerifyConnection, which unlike VerifyPeerCertificate also runs when a
// session is resumed.
func newTLS(keys identityKeys, sessions int) (server, client *tls.Config) {
	// X25519 alone: the default adds a post-quantum exchange, which doubles
	// the cost of a handshake and guards secrets of decades. Values here are
	// public to whoever asks.
	base := tls.Config{
		Certificates:       []tls.Certificate{keys.certificate},
		NextProtos:         []string{alpn},
		MinVersion:         tls.VersionTLS13,
		CurvePreferences:   []tls.CurveID{tls.X25519},
		ClientAuth:         tls.RequireAnyClientCert,
		InsecureSkipVerify: true,
	}
	server, client = base.Clone(), base.Clone()
	server.VerifyConnection = func(state tls.ConnectionState) error {
		_, err := provenKey(state)
		return err
	}
	server.SetSessionTicketKeys([][32]byte{keys.tickets})
	client.VerifyConnection = verifyAsked
	client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &keys.certificate, nil
	}
	client.ClientSessionCache = tls.NewLRUClientSessionCache(sessions)
	return server, client
}

// asking is the client's configuration for a dial. The server name says whom
// we ask, and sessions are remembered under it.
func asking(client *tls.Config, id kad.ID) *tls.Config {
	config := client.Clone()
	config.ServerName = id.String()
	if id.IsZero() {
		// All of unknown name would share one session: remember none.
		config.ServerName = anyone
		config.ClientSessionCache = nil
	}
	return config
}

// verifyAsked compares who answers a dial with whom we asked for.
func verifyAsked(state tls.ConnectionState) error {
	key, err := provenKey(state)
	if err != nil {
		return err
	}
	if found := key.ID().String(); state.ServerName != anyone && state.ServerName != found {
		return &wrongIDError{asked: state.ServerName, found: found}
	}
	return nil
}

// provenKey is the key whose holder is at the other end.
func provenKey(state tls.ConnectionState) (kad.PublicKey, error) {
	if len(state.PeerCertificates) != 1 {
		return kad.PublicKey{}, errNoIdentity
	}
	key, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != ed25519.PublicKeySize || !canBeHeld(key) {
		return kad.PublicKey{}, errNoIdentity
	}
	return kad.PublicKey(key), nil
}
