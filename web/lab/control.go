package lab

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/khashmir/kad/testnet"
	"github.com/khashmir/kad/web/api"
)

// order is what is to be done to the network.
type order struct {
	ID    string  `json:"id"`    // kill, start: to which node
	Share float64 `json:"share"` // cut: how many are on the one side, 0 to 1
}

// maxOrder is the longest, in bytes.
const maxOrder = 1 << 10

// control is POST /v1/network/{what}. Its answer is how the network is then.
func (l *Lab) control(w http.ResponseWriter, r *http.Request) {
	var o order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOrder)).Decode(&o); err != nil {
		fail(w, http.StatusBadRequest, api.BadRequest, `say it in JSON, as {"id": "40 hexadecimal digits"}, {"share": 0.5} or {}`)
		return
	}
	i, known := l.place[strings.ToLower(o.ID)]
	what := r.PathValue("what")
	if (what == "kill" || what == "start") && !known {
		fail(w, http.StatusNotFound, api.NotFound, "no node of this network has that ID")
		return
	}
	var err error
	switch what {
	case "kill":
		if err = l.Network.Kill(i); err == nil {
			l.shut(i)
		}
	case "start":
		err = l.Network.Revive(r.Context(), i)
	case "cut":
		err = l.Network.Cut(o.Share)
	case "heal":
		l.Network.Heal()
	default:
		fail(w, http.StatusNotFound, api.NotFound, "kill, start, cut and heal are what can be done to the network")
		return
	}
	if err != nil {
		status, code, message := said(err)
		fail(w, status, code, message)
		return
	}
	answer(w, http.StatusOK, l.state(0))
}

// said is what a client is told of err.
func said(err error) (status int, code, message string) {
	for _, known := range []error{testnet.ErrUp, testnet.ErrDown, testnet.ErrCut} {
		if errors.Is(err, known) {
			return http.StatusBadRequest, api.BadRequest, known.Error()
		}
	}
	return http.StatusInternalServerError, api.Internal, "it could not be done"
}

func fail(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, struct {
		Error api.Problem `json:"error"`
	}{api.Problem{Code: code, Message: message}})
}

// answer says what in JSON.
func answer(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // who does not take it has gone
}
