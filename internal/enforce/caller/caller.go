// Package caller tells who calls a way in that can stop something, and keeps out who must not: a gateway lends its
// callers its place in the network and, where it supplies one, its credential.
//
// It promises: beyond this machine nobody is served without TLS and a token or a client certificate; secrets are compared in
// constant time, kept as digests only, and appear in no error; a caller is told what to send and nothing about others.
// Nothing is durable. A Gate is safe for concurrent use; Reload replaces tokens and certificates as a whole or not at all.
package caller

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Header carries a token. It is not Authorization, which belongs to the vendor and passes through; clients send it by
// ANTHROPIC_CUSTOM_HEADERS (https://code.claude.com/docs/en/llm-gateway-connect).
const Header = "X-Tripod-Token"

// Config configures a Gate.
type Config struct {
	Addr         string // of the listener: beyond loopback, TLS and credentials are asked for
	CertFile     string // PEM; with KeyFile, TLS
	KeyFile      string
	ClientCAFile string // PEM; callers must present a certificate it signed
	Tokens       []Token
	Hosts        []string // names, beside those of loopback, by which callers without a credential may address the listener
}

// Token is what a caller sends in Header.
type Token struct {
	Name    string         // names the credential in records
	Token   secret.String  // what callers send
	Proves  audit.Identity // what it proves about who calls with it
	Surface audit.Surface  // the product that calls with it, where it stands for one; "" takes the request's word
}

// Caller is who calls: what the credential says, and the address.
type Caller struct {
	Credential string
	Proved     audit.Identity
	Surface    audit.Surface
	IP         string
}

// Gate decides who may call.
type Gate struct {
	cfg     Config
	tokens  atomic.Pointer[[]tokenEntry]
	tls     atomic.Pointer[tls.Config] // nil where TLS is off
	denials denials
}

// tokenEntry keeps a digest in place of the token.
type tokenEntry struct {
	digest [sha256.Size]byte
	who    Caller
}

// Deps are what a Gate works with. Health may be nil.
type Deps struct {
	Logger *slog.Logger
	Health *health.Registry
}

// New makes a gate. It refuses a configuration that would serve others than this machine without TLS and credentials.
func New(cfg Config, deps Deps) (*Gate, error) {
	g := &Gate{cfg: cfg}
	g.denials.log, g.denials.health = deps.Logger, deps.Health
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return nil, errors.New("gateway.tls: cert and key go together")
	}
	if cfg.ClientCAFile != "" && cfg.CertFile == "" {
		return nil, errors.New("gateway.tls: client_ca needs cert and key")
	}
	if g.exposed() && (cfg.CertFile == "" || len(cfg.Tokens) == 0 && cfg.ClientCAFile == "") {
		return nil, fmt.Errorf("the gateway's listener %s can be reached from other machines: set gateway.tls.cert and gateway.tls.key, "+
			"and gateway.tokens or gateway.tls.client_ca; or listen on 127.0.0.1", cfg.Addr)
	}
	return g, g.Reload(cfg.Tokens)
}

// exposed reports whether anybody but this machine can reach the listener.
func (g *Gate) exposed() bool {
	host, _, err := net.SplitHostPort(g.cfg.Addr)
	return err != nil || !local(host)
}

// local reports whether a host can only be this machine. A name other than localhost counts as outside: what it resolves to
// is not ours to say.
func local(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Reload takes new tokens and reads the certificate files again. When anything is wrong with either, both stay as they
// were. Connections that exist keep the certificate they began with.
func (g *Gate) Reload(tokens []Token) error {
	entries, err := tokenEntries(tokens)
	if err != nil {
		return err
	}
	if len(entries) == 0 && g.cfg.ClientCAFile == "" && g.exposed() {
		return errors.New("gateway tokens: without any, everybody who reaches the listener could use it: keep one, or set gateway.tls.client_ca")
	}
	conf, err := g.cfg.loadTLS()
	if err != nil {
		return err
	}
	g.tokens.Store(&entries)
	g.tls.Store(conf)
	return nil
}

func tokenEntries(tokens []Token) ([]tokenEntry, error) {
	entries := make([]tokenEntry, 0, len(tokens))
	seen := make(map[[sha256.Size]byte]string, len(tokens))
	for i, t := range tokens {
		if t.Name == "" {
			return nil, fmt.Errorf("gateway token %d has no name: records name the credential by it", i)
		}
		if t.Token.IsZero() {
			return nil, fmt.Errorf("gateway token %q is empty", t.Name)
		}
		e := tokenEntry{digest: sha256.Sum256([]byte(t.Token.Reveal())), who: Caller{Credential: t.Name, Proved: t.Proves, Surface: t.Surface}}
		if other, ok := seen[e.digest]; ok {
			return nil, fmt.Errorf("gateway tokens %q and %q are the same: records could not tell who called", other, t.Name)
		}
		seen[e.digest] = t.Name
		entries = append(entries, e)
	}
	return entries, nil
}

// Refusal is why a caller is not served, in words for the caller.
type Refusal struct {
	Status int // 401 or 403
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

// Identify tells who calls by the token and the connection. Where tokens are set one must be sent; where a client CA is set
// the handshake has already demanded a certificate. An error is a *Refusal and counts as a denial.
func (g *Gate) Identify(r *http.Request) (Caller, error) {
	who, refused := g.identify(r)
	if refused != nil {
		g.denials.note(r.Context())
		return Caller{}, refused
	}
	who.IP, _, _ = net.SplitHostPort(r.RemoteAddr)
	return who, nil
}

func (g *Gate) identify(r *http.Request) (Caller, *Refusal) {
	who := certified(r.TLS)
	entries := *g.tokens.Load()
	if len(entries) == 0 {
		if who.Credential == "" {
			if refused := g.fromPage(r); refused != nil {
				return Caller{}, refused
			}
		}
		return who, nil
	}
	sent := r.Header.Values(Header)
	if len(sent) != 1 || sent[0] == "" {
		return Caller{}, &Refusal{http.StatusUnauthorized, "this gateway asks for one header " + Header + " with a token of its own; clients send it by ANTHROPIC_CUSTOM_HEADERS"}
	}
	digest := sha256.Sum256([]byte(strings.TrimSpace(sent[0])))
	found := -1
	for i := range entries { // all of them, so that time tells nothing
		if subtle.ConstantTimeCompare(entries[i].digest[:], digest[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Caller{}, &Refusal{http.StatusUnauthorized, "the token in " + Header + " is not one of this gateway's"}
	}
	email := who.Proved.Email
	who = entries[found].who
	if who.Proved.Email == "" {
		who.Proved.Email = email
	}
	return who, nil
}

// fromPage refuses what a web page could have made a browser send to a listener that asks for no credential: a request for
// a name that somebody else's DNS answers for, or one that names the page it comes from.
func (g *Gate) fromPage(r *http.Request) *Refusal {
	if host := hostname(r.Host); !g.known(host) {
		return &Refusal{http.StatusForbidden, "this gateway is not known by the name it was addressed with: use 127.0.0.1 or localhost, or add the name to gateway.hosts"}
	}
	origin := r.Header.Get("Origin")
	scheme, rest, _ := strings.Cut(origin, "://")
	if origin == "null" || (scheme == "http" || scheme == "https") && !g.known(hostname(rest)) {
		return &Refusal{http.StatusForbidden, "web pages cannot use this gateway"}
	}
	return nil
}

// known reports whether a host is this machine, an address, which no DNS answers for, or one of the configured names.
func (g *Gate) known(host string) bool {
	if local(host) {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	for _, h := range g.cfg.Hosts {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

// hostname is the host of host, host:port, [address] or [address]:port.
func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}
