package signin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/tripod-audit/tripod/internal/health"
)

// Times of the provider.
const (
	skew           = 30 * time.Second // how far its clock and ours may be apart
	providerTime   = 10 * time.Second // for one answer
	providerAgain  = 30 * time.Second // after it could not be asked
	providerAfresh = time.Hour        // when it could
	providerPause  = 2 * time.Second  // people who wait ask it no oftener
)

// provider is the identity provider as it describes itself.
type provider struct {
	cfg    OIDC
	deps   Deps
	now    func() time.Time
	client *http.Client
	only   *onlyThere

	mu    sync.Mutex
	found *discovered // nil until it was asked
	tried time.Time
	err   error // of the last try
}

// discovered is what a provider says of itself.
type discovered struct {
	verifier   *oidc.IDTokenVerifier
	oauth      oauth2.Config // without the secret
	issParam   bool          // it names itself when it sends people back, https://www.rfc-editor.org/rfc/rfc9207
	endSession string        // where people sign out of it; ""
	grants     []string      // what it says it supports, for tripod access check
}

func newProvider(cfg OIDC, deps Deps, now func() time.Time) (*provider, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CA != "" {
		pem, err := os.ReadFile(cfg.CA)
		if err != nil {
			return nil, fmt.Errorf("access.oidc.ca: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("access.oidc.ca: no certificate in %s", cfg.CA)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	only := &onlyThere{next: transport}
	only.allow(wellKnown(cfg.Issuer))
	client := &http.Client{Transport: only, Timeout: providerTime, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("the provider sends elsewhere, which is not followed: name its issuer exactly")
	}}
	return &provider{cfg: cfg, deps: deps, now: now, client: client, only: only}, nil
}

func wellKnown(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

// refresh asks the provider to describe itself and tells when to ask again.
func (p *provider) refresh(ctx context.Context) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.discover(ctx) != nil {
		return providerAgain
	}
	return providerAfresh
}

// get is what the provider says of itself, asked now if it could not be asked yet.
func (p *provider) get(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if !p.tried.IsZero() && time.Since(p.tried) < providerPause {
		return nil, p.err
	}
	if err := p.discover(ctx); err != nil {
		return nil, err
	}
	return p.found, nil
}

// discover asks the provider. What it said before stays in force where it cannot be asked. p.mu is held.
func (p *provider) discover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, providerTime)
	defer cancel()
	found, err := p.ask(ctx)
	p.tried, p.err = time.Now(), err
	if err != nil {
		if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			p.deps.Health.Raise(conditionIssuer, health.Warning, "nobody new can sign in: the identity provider "+p.cfg.Issuer+" cannot be asked: "+err.Error())
			p.deps.Logger.WarnContext(ctx, "the identity provider cannot be asked", "issuer", p.cfg.Issuer, "error", err)
		}
		return err
	}
	p.found = found
	p.deps.Health.Clear(conditionIssuer)
	return nil
}

func (p *provider) ask(ctx context.Context) (*discovered, error) {
	op, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.cfg.Issuer)
	if err != nil {
		return nil, brief(err)
	}
	var more struct {
		JWKS       string   `json:"jwks_uri"`
		EndSession string   `json:"end_session_endpoint"`
		IssParam   bool     `json:"authorization_response_iss_parameter_supported"`
		Auth       []string `json:"token_endpoint_auth_methods_supported"`
		Challenges []string `json:"code_challenge_methods_supported"`
	}
	if err := op.Claims(&more); err != nil {
		return nil, fmt.Errorf("its description: %w", err)
	}
	end := op.Endpoint()
	for name, address := range map[string]string{"authorization_endpoint": end.AuthURL, "token_endpoint": end.TokenURL, "jwks_uri": more.JWKS, "end_session_endpoint": more.EndSession} {
		if name == "end_session_endpoint" && address == "" {
			continue
		}
		if err := p.fits(address); err != nil {
			return nil, fmt.Errorf("its %s: %w", name, err)
		}
	}
	p.only.allow(wellKnown(p.cfg.Issuer), end.TokenURL, more.JWKS)
	// Named, so that a secret is never tried in two ways.
	end.AuthStyle = oauth2.AuthStyleInHeader
	if p.deps.ClientSecret == nil || len(more.Auth) > 0 && !slices.Contains(more.Auth, "client_secret_basic") {
		end.AuthStyle = oauth2.AuthStyleInParams
	}
	return &discovered{
		verifier: op.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, SupportedSigningAlgs: p.cfg.Algorithms, Now: func() time.Time { return p.now().Add(-skew) }}),
		oauth: oauth2.Config{ClientID: p.cfg.ClientID, Endpoint: end, RedirectURL: p.deps.Callback,
			Scopes: append([]string{oidc.ScopeOpenID}, p.cfg.Scopes...)},
		issParam: more.IssParam, endSession: more.EndSession, grants: more.Challenges,
	}, nil
}

// fits refuses an address that would lead into the clear, or from the internet to this machine.
func (p *provider) fits(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("is no address")
	}
	issuer, err := url.Parse(p.cfg.Issuer)
	if err != nil {
		return err
	}
	if isLoopback(u.Hostname()) && !isLoopback(issuer.Hostname()) {
		return errors.New("is on this machine, and the issuer is not")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname()) || issuer.Scheme != "http") {
		return errors.New("is not https")
	}
	return nil
}

// exchange turns a code into tokens.
func (p *provider) exchange(ctx context.Context, d *discovered, code, verifier string) (*oauth2.Token, error) {
	oauth := d.oauth
	if p.deps.ClientSecret != nil {
		s, err := p.deps.ClientSecret(ctx)
		if err != nil {
			return nil, fmt.Errorf("access.oidc.client_secret: %w", err)
		}
		oauth.ClientSecret = s.Reveal()
	}
	tok, err := oauth.Exchange(context.WithValue(ctx, oauth2.HTTPClient, p.client), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, brief(err)
	}
	return tok, nil
}

// brief keeps an answer of the provider out of an error: it may be long, or hold what it was asked with.
func brief(err error) error {
	var retrieve *oauth2.RetrieveError
	if errors.As(err, &retrieve) {
		status := 0
		if retrieve.Response != nil {
			status = retrieve.Response.StatusCode
		}
		return fmt.Errorf("it answered %d %s", status, plain(retrieve.ErrorCode))
	}
	return errors.New(plain(err.Error()))
}

// plain makes text of others fit for a line of a log.
func plain(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0xffff {
			return ' '
		}
		return r
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// onlyThere lets requests through to addresses that were named, and nowhere else, and bounds what they answer.
type onlyThere struct {
	next http.RoundTripper

	mu      sync.Mutex
	allowed []string
}

func (o *onlyThere) allow(addresses ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.allowed = addresses
}

// RoundTrip implements http.RoundTripper.
func (o *onlyThere) RoundTrip(r *http.Request) (*http.Response, error) {
	o.mu.Lock()
	ok := slices.Contains(o.allowed, r.URL.String())
	o.mu.Unlock()
	if !ok {
		return nil, errors.New("an address that the provider did not name is not asked")
	}
	res, err := o.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = http.MaxBytesReader(nil, res.Body, 1<<20)
	return res, nil
}
