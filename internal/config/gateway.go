package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
)

// Gateway configures the LLM gateway.
type Gateway struct {
	// Upstream is where requests go (default the Claude API), with a path at most.
	Upstream string `yaml:"upstream"`
	// UpstreamCA is a PEM file trusted for the upstream beside what the system trusts.
	UpstreamCA string `yaml:"upstream_ca"`
	// Redact lets rules replace what they find in requests, where policy.mode is enforce.
	Redact bool `yaml:"redact"`
	// TLS and Tokens say who may call; beyond loopback both are needed, or a client CA.
	TLS    TLS     `yaml:"tls"`
	Tokens []Token `yaml:"tokens"`
	// Hosts are names by which callers without a credential may address the listener, beside those of loopback.
	Hosts []string `yaml:"hosts"`
	// Credentials says what goes upstream.
	Credentials GatewayCredentials `yaml:"credentials"`
	// MaxHeld bounds the bytes of a request's body that are kept to be read.
	MaxHeld int64 `yaml:"max_held"`
	// Record bounds what waits to be written.
	Record recorder.Config `yaml:"record"`
}

// GatewayCredentials are the credentials that go upstream: the caller's, unless one is supplied for the path.
type GatewayCredentials struct {
	// Supply lists credentials of ours for some paths; the first that fits is used.
	Supply []GatewaySupply `yaml:"supply"`
	// Pinned are the only API keys that pass; none lets all pass.
	Pinned []GatewayPin `yaml:"pinned"`
	// Subscriptions lets OAuth tokens of subscription logins pass beside pinned keys.
	Subscriptions bool `yaml:"subscriptions"`
	// AllowedOrgs are the organisations whose accounts the vendor then lets through.
	AllowedOrgs []string `yaml:"allowed_orgs"`
}

// GatewaySupply is one credential of ours: where it is, and for which paths.
type GatewaySupply struct {
	Name   string   `yaml:"name"`
	Paths  []string `yaml:"paths"`  // prefixes; none is every path
	Header string   `yaml:"header"` // x-api-key (default) or authorization
	// One of the three: a file (mode 0600), an environment variable, a command that prints it.
	File    string   `yaml:"file"`
	Env     string   `yaml:"env"`
	Command []string `yaml:"command"`
}

// GatewayPin is one enrolled API key by the hash that `tripod keys pin` prints.
type GatewayPin struct {
	Name string `yaml:"name"`
	Org  string `yaml:"org"`
	Hash string `yaml:"hash"`
}

// envGatewayUpstream is where the environment says that the gateway sends.
const envGatewayUpstream = "TRIPOD_GATEWAY_UPSTREAM"

// lasting is what a reload leaves as it is.
func (g Gateway) lasting() Gateway {
	g.Tokens = nil
	return g
}

func (c *Config) validateGateway() error {
	g := c.Gateway
	var errs []error
	if g.MaxHeld != 0 && (g.MaxHeld < 1<<20 || g.MaxHeld > 1<<30) {
		errs = append(errs, fmt.Errorf("gateway.max_held: %d is not between 1 MiB and 1 GiB", g.MaxHeld))
	}
	errs = append(errs, validateListeners("gateway", g.TLS, g.Tokens, map[string]string{"listen.gateway": c.Listen.Gateway}), validateUpstream(g.Upstream), g.Record.Validate())
	for i, s := range g.Credentials.Supply {
		if s.Name == "" {
			errs = append(errs, fmt.Errorf("gateway.credentials.supply[%d].name: records name the credential by it", i))
		}
		named := 0
		for _, is := range []bool{s.File != "", s.Env != "", len(s.Command) > 0} {
			if is {
				named++
			}
		}
		if named != 1 {
			errs = append(errs, fmt.Errorf("gateway.credentials.supply[%d]: name one of file, env and command", i))
		}
	}
	for i, p := range g.Credentials.Pinned {
		if b, err := hex.DecodeString(p.Hash); err != nil || len(b) != 32 || p.Name == "" {
			errs = append(errs, fmt.Errorf("gateway.credentials.pinned[%d]: want a name, and the 64 hex digits that tripod keys pin prints", i))
		}
	}
	for i, o := range g.Credentials.AllowedOrgs {
		if o == "" || strings.ContainsAny(o, ", \r\n\t") {
			errs = append(errs, fmt.Errorf("gateway.credentials.allowed_orgs[%d]: want the id of one organisation", i))
		}
	}
	return errors.Join(errs...)
}

// validateUpstream keeps credentials from travelling in the clear. It does not repeat the address, which may hold a secret.
func validateUpstream(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("gateway.upstream: want https://HOST, with a path at most")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !credential.Local(u.Hostname())) {
		return errors.New("gateway.upstream: want https, so that credentials and prompts do not travel in the clear; http is for an upstream on this machine")
	}
	return nil
}
