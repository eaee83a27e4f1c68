package load

import (
	"crypto/sha1"
	"fmt"
	"net"
	"time"

	"github.com/zeebo/bencode"

	kad "github.com/khashmir/kad"
)

// dict is a dictionary of bencode's.
type dict = map[string]any

func raw(id kad.ID) string { return string(id[:]) }

func sha1Of(s string) kad.ID { return sha1.Sum([]byte(s)) }

// question is a query of BEP 5, from a node that nobody has heard of and that is
// not to be pinged back: it is read-only (BEP 43).
func question(method string, args dict) []byte {
	all := dict{"id": raw(sha1Of("load"))}
	for name, value := range args {
		all[name] = value
	}
	b, err := bencode.EncodeBytes(dict{"t": "load", "y": "q", "q": method, "a": all, "ro": 1})
	if err != nil {
		panic(err) // strings and integers
	}
	return b
}

// token is the one with an answer to a question.
func (s *server) token(method string, args dict) (string, error) {
	var answer struct {
		R struct {
			Token string `bencode:"token"`
		} `bencode:"r"`
	}
	b, err := s.ask(question(method, args))
	if err == nil {
		err = bencode.DecodeBytes(b, &answer)
	}
	if err == nil && answer.R.Token == "" {
		err = fmt.Errorf("%s is answered without a token: %q", method, b)
	}
	return answer.R.Token, err
}

// tell asks something of which only the success is of interest.
func (s *server) tell(method string, args dict) error {
	b, err := s.ask(question(method, args))
	if err == nil && !(kind{ends: isReply}).good(b) {
		err = fmt.Errorf("%s is answered with %q", method, b)
	}
	return err
}

func (s *server) ask(question []byte) ([]byte, error) {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(s.addr))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(question); err != nil {
		return nil, err
	}
	answer := make([]byte, longest)
	n, err := conn.Read(answer)
	return answer[:n], err
}
