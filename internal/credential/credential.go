// Package credential tells who presents a bearer token or a client certificate to a listener that asks for one, reads the
// certificates of that listener, and says so while callers are refused.
//
// It promises: beyond this machine nothing is served without TLS and a token or a client certificate; tokens are compared in
// constant time, kept as digests only, and appear in no error. Nothing is durable. A Guard and Denials are safe for concurrent
// use; Reload replaces tokens and certificates as a whole or not at all; calls are answered in no order.
package credential

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Config configures a Guard.
type Config struct {
	Section      string   // of the configuration file: errors name settings by it
	Addrs        []string // of the listeners, host:port; "" is one that is off. Beyond loopback, TLS and credentials are asked for
	CertFile     string   // PEM; with KeyFile, TLS
	KeyFile      string
	ClientCAFile string // PEM; callers must present a certificate it signed
	Tokens       []Token
}

// Token is one bearer token.
type Token struct {
	Name    string         // names the credential in records
	Token   secret.String  // what callers send
	Proves  audit.Identity // what it proves about who calls with it
	Surface audit.Surface  // the product that calls with it, where it stands for one; "" takes the caller's word
}

// Holder is who calls: what the credential says, and the address, which whoever accepted the connection fills in.
type Holder struct {
	Credential string
	Proved     audit.Identity
	Surface    audit.Surface
	IP         string
}

// ErrUnknown says that a token is none of a Guard's.
var ErrUnknown = errors.New("unknown token")

// Guard keeps the credentials of a listener.
type Guard struct {
	cfg    Config
	tokens atomic.Pointer[[]entry]
	tls    atomic.Pointer[tls.Config] // nil where TLS is off
}

// entry keeps a digest in place of the token.
type entry struct {
	digest [sha256.Size]byte
	who    Holder
}

// New makes a guard. It refuses a configuration that would serve others than this machine without TLS and credentials, and
// tells everything that is wrong with it.
func New(cfg Config) (*Guard, error) {
	g := &Guard{cfg: cfg}
	var errs []error
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		errs = append(errs, fmt.Errorf("%s.tls: cert and key go together", cfg.Section))
	}
	if cfg.ClientCAFile != "" && cfg.CertFile == "" {
		errs = append(errs, fmt.Errorf("%s.tls: client_ca needs cert and key", cfg.Section))
	}
	for _, addr := range cfg.Addrs {
		local, err := Loopback(addr)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s listener: %w", cfg.Section, err))
		case !local && (cfg.CertFile == "" || len(cfg.Tokens) == 0 && cfg.ClientCAFile == ""):
			errs = append(errs, fmt.Errorf("%[1]s listener %[2]s can be reached from other machines: set %[1]s.tls.cert and %[1]s.tls.key, "+
				"and %[1]s.tokens or %[1]s.tls.client_ca; or listen on 127.0.0.1", cfg.Section, addr))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return g, g.Reload(cfg.Tokens)
}

// Reload takes new tokens and reads the certificate files again. When anything is wrong with either, both stay as they
// were. Connections that exist keep the certificate they began with.
func (g *Guard) Reload(tokens []Token) error {
	entries, err := g.entries(tokens)
	if err != nil {
		return err
	}
	if len(entries) == 0 && g.cfg.ClientCAFile == "" && g.exposed() {
		return fmt.Errorf("%[1]s tokens: without any, everybody who reaches the listener would be served: keep one, or set %[1]s.tls.client_ca", g.cfg.Section)
	}
	conf, err := g.cfg.loadTLS()
	if err != nil {
		return err
	}
	g.tokens.Store(&entries)
	g.tls.Store(conf)
	return nil
}

// exposed reports whether anybody but this machine can reach a listener.
func (g *Guard) exposed() bool {
	for _, addr := range g.cfg.Addrs {
		if local, err := Loopback(addr); err != nil || !local {
			return true
		}
	}
	return false
}

func (g *Guard) entries(tokens []Token) ([]entry, error) {
	entries := make([]entry, 0, len(tokens))
	seen := make(map[[sha256.Size]byte]string, len(tokens))
	for i, t := range tokens {
		if t.Name == "" {
			return nil, fmt.Errorf("%s token %d has no name: records name the credential by it", g.cfg.Section, i)
		}
		if t.Token.IsZero() {
			return nil, fmt.Errorf("%s token %q is empty", g.cfg.Section, t.Name)
		}
		e := entry{digest: sha256.Sum256([]byte(t.Token.Reveal())), who: Holder{Credential: t.Name, Proved: t.Proves, Surface: t.Surface}}
		e.who.Proved.Email = strings.ToLower(t.Proves.Email) // as records have addresses: whose something is, and what is held, is told by them
		if other, ok := seen[e.digest]; ok {
			return nil, fmt.Errorf("%s tokens %q and %q are the same: records could not tell who came with it", g.cfg.Section, other, t.Name)
		}
		seen[e.digest] = t.Name
		entries = append(entries, e)
	}
	return entries, nil
}

// AsksToken reports whether callers must send a token.
func (g *Guard) AsksToken() bool { return len(*g.tokens.Load()) > 0 }

// Find tells who sent a token, and takes from a verified client certificate the address that the token does not prove. An
// unknown token is ErrUnknown.
func (g *Guard) Find(token string, state *tls.ConnectionState) (Holder, error) {
	digest := sha256.Sum256([]byte(strings.TrimSpace(token)))
	entries := *g.tokens.Load()
	found := -1
	for i := range entries { // all of them, so that time tells nothing
		if subtle.ConstantTimeCompare(entries[i].digest[:], digest[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Holder{}, ErrUnknown
	}
	who := entries[found].who
	if who.Proved.Email == "" {
		who.Proved.Email = Certified(state).Proved.Email
	}
	return who, nil
}
