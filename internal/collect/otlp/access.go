package otlp

import (
	"crypto/tls"
	"errors"
	"strings"

	"github.com/tripod-audit/tripod/internal/credential"
)

// Reload is credential.Guard.Reload.
func (r *Receiver) Reload(tokens []credential.Token) error { return r.guard.Reload(tokens) }

var (
	errNoToken  = errors.New("send the header Authorization: Bearer TOKEN with a token of this receiver")
	errNotKnown = errors.New("this bearer token is not one of this receiver's")
)

// authenticate tells who delivers by the Authorization header and the connection. Where tokens are set one must be sent;
// where a client CA is set the handshake has already demanded a certificate.
func (r *Receiver) authenticate(header string, state *tls.ConnectionState) (credential.Holder, error) {
	if !r.guard.AsksToken() {
		return credential.Certified(state), nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return credential.Holder{}, errNoToken
	}
	who, err := r.guard.Find(token, state)
	if err != nil {
		return credential.Holder{}, errNotKnown
	}
	return who, nil
}
