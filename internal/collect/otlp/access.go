package otlp

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/tripod-audit/tripod/internal/audit"
)

// caller is who delivers an export: what the credential says, and the address.
type caller struct {
	credential string
	proved     audit.Identity
	surface    audit.Surface
	ip         string
}

// access decides who may deliver. Its parts are replaced as a whole.
type access struct {
	tokens atomic.Pointer[[]tokenEntry]
	tls    atomic.Pointer[tls.Config] // nil where TLS is off
}

// tokenEntry keeps a digest in place of the token.
type tokenEntry struct {
	digest [sha256.Size]byte
	who    caller
}

// Reload takes new tokens and reads the certificate files again. When anything is wrong with either, both stay as they
// were. Connections that exist keep the certificate they began with.
func (r *Receiver) Reload(tokens []Token) error {
	entries, err := tokenEntries(tokens)
	if err != nil {
		return err
	}
	if len(entries) == 0 && r.cfg.ClientCAFile == "" && r.cfg.exposed() {
		return errors.New("otlp tokens: without any, everybody who reaches the listener could deliver: keep one, or set otlp.tls.client_ca")
	}
	conf, err := r.cfg.loadTLS()
	if err != nil {
		return err
	}
	r.access.tokens.Store(&entries)
	r.access.tls.Store(conf)
	return nil
}

func tokenEntries(tokens []Token) ([]tokenEntry, error) {
	entries := make([]tokenEntry, 0, len(tokens))
	seen := make(map[[sha256.Size]byte]string, len(tokens))
	for i, t := range tokens {
		if t.Name == "" {
			return nil, fmt.Errorf("otlp token %d has no name: records name the credential by it", i)
		}
		if t.Token.IsZero() {
			return nil, fmt.Errorf("otlp token %q is empty", t.Name)
		}
		e := tokenEntry{digest: sha256.Sum256([]byte(t.Token.Reveal())), who: caller{credential: t.Name, proved: t.Proves, surface: t.Surface}}
		if other, ok := seen[e.digest]; ok {
			return nil, fmt.Errorf("otlp tokens %q and %q are the same: records could not tell who delivered", other, t.Name)
		}
		seen[e.digest] = t.Name
		entries = append(entries, e)
	}
	return entries, nil
}

var (
	errNoToken  = errors.New("send the header Authorization: Bearer TOKEN with a token of this receiver")
	errNotKnown = errors.New("this bearer token is not one of this receiver's")
)

// authenticate tells who delivers by the Authorization header and the connection. Where tokens are set one must be sent;
// where a client CA is set the handshake has already demanded a certificate.
func (a *access) authenticate(header string, state *tls.ConnectionState) (caller, error) {
	who := certified(state)
	entries := *a.tokens.Load()
	if len(entries) == 0 {
		return who, nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return caller{}, errNoToken
	}
	digest := sha256.Sum256([]byte(strings.TrimSpace(token)))
	found := -1
	for i := range entries { // all of them, so that time tells nothing
		if subtle.ConstantTimeCompare(entries[i].digest[:], digest[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return caller{}, errNotKnown
	}
	email := who.proved.Email
	who = entries[found].who
	if who.proved.Email == "" {
		who.proved.Email = email
	}
	return who, nil
}

// certified tells what a verified client certificate proves: its name, and its mail address where it has one.
func certified(state *tls.ConnectionState) (who caller) {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return caller{}
	}
	cert := state.VerifiedChains[0][0]
	if len(cert.EmailAddresses) > 0 {
		who.proved.Email = strings.ToLower(cert.EmailAddresses[0])
	}
	who.credential = certName(cert)
	return who
}

func certName(cert *x509.Certificate) string {
	switch {
	case cert.Subject.CommonName != "":
		return cert.Subject.CommonName
	case len(cert.DNSNames) > 0:
		return cert.DNSNames[0]
	case len(cert.URIs) > 0:
		return cert.URIs[0].String()
	case len(cert.EmailAddresses) > 0:
		return cert.EmailAddresses[0]
	}
	return "serial " + cert.SerialNumber.String()
}

func (c Config) loadTLS() (*tls.Config, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load otlp certificate %s and key %s: %w", c.CertFile, c.KeyFile, err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if c.ClientCAFile != "" {
		pem, err := os.ReadFile(c.ClientCAFile)
		if err != nil {
			return nil, fmt.Errorf("load otlp client ca: %w", err)
		}
		conf.ClientCAs = x509.NewCertPool()
		if !conf.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("load otlp client ca %s: it holds no PEM certificate", c.ClientCAFile)
		}
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf, nil
}

// tlsConfig is the configuration of a listener, which takes whatever Reload loaded last; nil where TLS is off.
func (a *access) tlsConfig(protocols ...string) *tls.Config {
	now := a.tls.Load()
	if now == nil {
		return nil
	}
	conf := now.Clone()
	conf.NextProtos = protocols
	conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		latest := a.tls.Load().Clone()
		latest.NextProtos = protocols
		return latest, nil
	}
	return conf
}
