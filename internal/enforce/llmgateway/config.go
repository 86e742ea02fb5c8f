package llmgateway

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/secret"
)

// DefaultUpstream is where requests go unless told otherwise.
const DefaultUpstream = "https://api.anthropic.com"

// Config configures a Gateway. Zero bounds mean the defaults.
type Config struct {
	Upstream       string // base URL; default DefaultUpstream
	UpstreamCAFile string // PEM; trusted for the upstream beside what the system trusts
	Redact         bool   // where the engine enforces, rules may have text replaced in requests

	Supply        []Supply  // credentials that take the place of the caller's
	Pins          []Pin     // the only API keys that pass; none lets all pass
	Subscriptions bool      // beside pins: OAuth tokens of subscription logins pass, which change too often to be pinned
	AllowedOrgs   []string  // sent as anthropic-allowed-org-ids in place of what the caller sent; none leaves it alone
	Key           *[32]byte // names credentials and placeholders; behind a pointer, so that no %v prints it

	MaxHeld     int64 // bytes of one request body that are kept to be read; default 40 MiB
	MaxMemory   int64 // bytes of earlier bodies that are kept to compare the next ones with; default 32 MiB
	MaxInFlight int64 // bytes of all bodies and answers kept at once; default 512 MiB

	MaxStall time.Duration // without a byte of a body that is read before it goes on; default 1 min
}

// Supply is a credential of ours for some paths.
type Supply struct {
	Paths  []string // prefixes; none is every path
	Header string   // x-api-key (default), or authorization, which sends it as a bearer token
	Name   string   // names it in records and errors
	// Value reads the credential. What it returns is kept for some minutes, and read again after the upstream refused it.
	Value func(ctx context.Context) (secret.String, error)
}

// Pin is an enrolled API key, named by its keyed hash.
type Pin struct {
	Name string
	Org  string // whose it is, for records
	Hash string // 64 hex digits, as CredentialHash gives them
}

func (c Config) withDefaults() Config {
	if c.Upstream == "" {
		c.Upstream = DefaultUpstream
	}
	if c.MaxHeld <= 0 {
		c.MaxHeld = 40 << 20 // the vendor's own bound is 32 MB: https://platform.claude.com/docs/en/api/errors
	}
	if c.MaxMemory <= 0 {
		c.MaxMemory = 32 << 20
	}
	if c.MaxStall <= 0 {
		c.MaxStall = time.Minute
	}
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = 512 << 20
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	if _, err := parseUpstream(c.Upstream); err != nil {
		errs = append(errs, err)
	}
	for i, p := range c.Pins {
		if b, err := hex.DecodeString(p.Hash); err != nil || len(b) != 32 || p.Name == "" {
			errs = append(errs, fmt.Errorf("gateway.credentials.pinned[%d]: want a name, and the 64 hex digits that tripod keys pin prints", i))
		}
	}
	for i, s := range c.Supply {
		if h := strings.ToLower(s.Header); h != "" && h != "x-api-key" && h != "authorization" {
			errs = append(errs, fmt.Errorf("gateway.credentials.supply[%d].header: %q is not x-api-key or authorization", i, s.Header))
		}
	}
	for i, o := range c.AllowedOrgs {
		if o == "" || strings.ContainsAny(o, ", \r\n\t") {
			errs = append(errs, fmt.Errorf("gateway.credentials.allowed_orgs[%d]: want the id of one organisation", i))
		}
	}
	if c.Key == nil {
		errs = append(errs, errors.New("llm gateway: no key to name credentials by"))
	}
	return errors.Join(errs...)
}

// parseUpstream keeps credentials from travelling in the clear. It does not repeat the address, which may hold a secret.
func parseUpstream(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("gateway.upstream: want https://HOST, with a path at most")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !credential.Local(u.Hostname())) {
		return nil, errors.New("gateway.upstream: want https, so that credentials and prompts do not travel in the clear; http is for an upstream on this machine")
	}
	return u, nil
}
