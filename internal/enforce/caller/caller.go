// Package caller tells who calls a way in that can stop something, and keeps out who must not: a gateway lends its
// callers its place in the network and, where it supplies one, its credential.
//
// It promises what package credential does, and that a caller is told what to send and nothing about others, and no web page
// uses a listener that asks for no credential. Nothing is durable. A Gate is safe for concurrent use; Reload replaces tokens
// and certificates as a whole or not at all; calls are answered in no order.
package caller

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/health"
)

// Header carries a token. It is not Authorization, which belongs to the vendor and passes through; clients send it by
// ANTHROPIC_CUSTOM_HEADERS (https://code.claude.com/docs/en/llm-gateway-connect).
const Header = "X-Tripod-Token"

// Config configures a Gate.
type Config struct {
	Addr         string // of the listener: beyond loopback, TLS and credentials are asked for
	CertFile     string // PEM; with KeyFile, TLS
	KeyFile      string
	ClientCAFile string             // PEM; callers must present a certificate it signed
	Tokens       []credential.Token // sent in Header
	Hosts        []string           // names, beside those of loopback, by which callers without a credential may address the listener
}

// Gate decides who may call.
type Gate struct {
	cfg     Config
	guard   *credential.Guard
	denials credential.Denials
}

// Deps are what a Gate works with. Health may be nil.
type Deps struct {
	Logger *slog.Logger
	Health *health.Registry
}

// New makes a gate. It refuses a configuration that would serve others than this machine without TLS and credentials.
func New(cfg Config, deps Deps) (*Gate, error) {
	g := &Gate{cfg: cfg, denials: credential.Denials{
		Code: "gateway.denied", What: "requests to the gateway", Advice: "compare the tokens of clients and configuration", Logger: deps.Logger, Health: deps.Health,
	}}
	var err error
	g.guard, err = credential.New(credential.Config{
		Section: "gateway", Addrs: []string{cfg.Addr}, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile, ClientCAFile: cfg.ClientCAFile, Tokens: cfg.Tokens,
	})
	return g, err
}

// Reload is credential.Guard.Reload.
func (g *Gate) Reload(tokens []credential.Token) error { return g.guard.Reload(tokens) }

// Run takes back, in time, what is said of refused callers, until the context ends.
func (g *Gate) Run(ctx context.Context) error { return g.denials.Run(ctx) }

// TLS is the configuration of the listener, which takes whatever Reload loaded last; nil where TLS is off.
func (g *Gate) TLS() *tls.Config { return g.guard.TLS("h2", "http/1.1") }

// Refusal is why a caller is not served, in words for the caller.
type Refusal struct {
	Status int // 401 or 403
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

// Identify tells who calls by the token and the connection. Where tokens are set one must be sent; where a client CA is set
// the handshake has already demanded a certificate. An error is a *Refusal and counts as a denial.
func (g *Gate) Identify(r *http.Request) (credential.Holder, error) {
	who, refused := g.identify(r)
	if refused != nil {
		g.denials.Note(r.Context(), time.Now())
		return credential.Holder{}, refused
	}
	who.IP, _, _ = net.SplitHostPort(r.RemoteAddr)
	return who, nil
}

func (g *Gate) identify(r *http.Request) (credential.Holder, *Refusal) {
	if !g.guard.AsksToken() {
		who := credential.Certified(r.TLS)
		if who.Credential == "" {
			if refused := g.fromPage(r); refused != nil {
				return credential.Holder{}, refused
			}
		}
		return who, nil
	}
	sent := r.Header.Values(Header)
	if len(sent) != 1 || sent[0] == "" {
		return credential.Holder{}, &Refusal{http.StatusUnauthorized, "this gateway asks for one header " + Header + " with a token of its own; clients send it by ANTHROPIC_CUSTOM_HEADERS"}
	}
	who, err := g.guard.Find(sent[0], r.TLS)
	if err != nil {
		return credential.Holder{}, &Refusal{http.StatusUnauthorized, "the token in " + Header + " is not one of this gateway's"}
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
	if credential.Local(host) {
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
