// Package signintest is a real identity provider for tests: the OpenID Provider of github.com/zitadel/oidc on loopback,
// with people who need no password, and ways to have it misbehave.
//
// It keeps everything in memory, so nothing is durable; requests are answered in the order they come; a Provider is safe for
// concurrent use. It is linked into no program.
package signintest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/tripod-audit/tripod/internal/access/signin"
)

// Client is the client that is registered at every Provider, with its made-up secret.
const (
	Client = "tripod"
	Secret = "made-up-client-secret"
)

// Human is somebody who may sign in.
type Human struct {
	Sub        string
	Email      string
	Unverified bool // the address
	Name       string
	Groups     []string
	Manager    string
}

// Provider is a running identity provider.
type Provider struct {
	Issuer string

	server *httptest.Server

	mu       sync.Mutex
	humans   map[string]Human
	key      *signingKey
	keys     []*signingKey
	requests map[string]*authRequest
	codes    map[string]string
	callback string
	home     string
	down     bool
	forge    func(p *Provider, idToken string) string
	asked    []string // paths, in their order
	n        int
}

// Start starts a provider that knows some people and sends them back to callback. Close it.
func Start(callback string, humans ...Human) (*Provider, error) {
	p := &Provider{humans: make(map[string]Human), requests: make(map[string]*authRequest), codes: make(map[string]string), callback: callback}
	p.home = strings.TrimSuffix(callback, "/signin/callback") + "/"
	for _, h := range humans {
		p.humans[h.Sub] = h
	}
	if err := p.Rotate(); err != nil {
		return nil, err
	}
	var handler http.Handler
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, handler) }))
	p.Issuer = p.server.URL
	engine, err := op.NewProvider(&op.Config{
		CryptoKey: [32]byte{1}, CodeMethodS256: true, AuthMethodPost: true, BackChannelLogoutSupported: true, BackChannelLogoutSessionSupported: true,
	}, (*storage)(p), op.StaticIssuer(p.Issuer), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		p.server.Close()
		return nil, fmt.Errorf("start provider: %w", err)
	}
	handler = engine
	return p, nil
}

// Close stops the provider.
func (p *Provider) Close() { p.server.Close() }

// Config is how Tripod signs people in here; add roles.
func (p *Provider) Config() signin.Config {
	return signin.Config{OIDC: signin.OIDC{Issuer: p.Issuer, ClientID: Client, Claims: signin.Claims{Manager: "manager"}}}
}

// Rotate takes a new key into use and forgets the old.
func (p *Provider) Rotate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	p.key = &signingKey{id: fmt.Sprintf("key-%d", p.n), key: key}
	p.keys = []*signingKey{p.key}
	return nil
}

// SetDown has it answer nothing but errors, or answer again.
func (p *Provider) SetDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// Put adds somebody, or changes who they are.
func (p *Provider) Put(h Human) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.humans[h.Sub] = h
}

// Forge has it hand out another id token than the one it made; nil: what it made.
func (p *Provider) Forge(f func(p *Provider, idToken string) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forge = f
}

// Asked lists the paths that were asked for.
func (p *Provider) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// Sign signs claims with the key in use.
func (p *Provider) Sign(claims map[string]any) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return SignWith(jose.ES256, p.key.key, p.key.id, claims)
}

// PublicKey is the key in use as its key set shows it.
func (p *Provider) PublicKey() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, _ := jose.JSONWebKey{Key: &p.key.key.PublicKey, KeyID: p.key.id}.MarshalJSON()
	return b
}

// SignWith signs claims with any key.
func SignWith(alg jose.SignatureAlgorithm, key any, id string, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", id))
	if err != nil {
		return err.Error()
	}
	b, _ := json.Marshal(claims)
	jws, err := signer.Sign(b)
	if err != nil {
		return err.Error()
	}
	s, _ := jws.CompactSerialize()
	return s
}

// Claims reads the claims of a token, unverified.
func Claims(token string) map[string]any {
	jws, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil
	}
	var claims map[string]any
	_ = json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims)
	return claims
}

// Login is how somebody answers the provider.
type Login struct {
	Sub string
	At  time.Time // when they proved it; zero: now
	ACR string
}

// Answer plays the browser at the provider: it follows redirect, signs in as somebody, and returns what the provider sends
// back to the callback.
func (p *Provider) Answer(redirect string, l Login) (url.Values, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	next, err := hop(client, redirect)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(next.Path, "/login") { // no page: there are no passwords
		if l.At.IsZero() {
			l.At = time.Now()
		}
		id := next.Query().Get("id")
		p.mu.Lock()
		r := p.requests[id]
		if r != nil {
			r.sub, r.at, r.acr, r.done = l.Sub, l.At, l.ACR, true
		}
		p.mu.Unlock()
		if next, err = hop(client, p.Issuer+"/authorize/callback?id="+url.QueryEscape(id)); err != nil {
			return nil, err
		}
	}
	if got := (&url.URL{Scheme: next.Scheme, Host: next.Host, Path: next.Path}).String(); got != p.callback {
		return nil, fmt.Errorf("the provider sends to %s", next)
	}
	return next.Query(), nil
}

// hop asks for an address and returns where it leads.
func hop(client *http.Client, address string) (*url.URL, error) {
	res, err := client.Get(address)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return nil, fmt.Errorf("the provider answered %d: %s: %w", res.StatusCode, b, err)
	}
	return to, nil
}

// serve answers as the engine does, unless it is to misbehave.
func (p *Provider) serve(w http.ResponseWriter, r *http.Request, engine http.Handler) {
	p.mu.Lock()
	down, forge := p.down, p.forge
	p.asked = append(p.asked, r.URL.Path)
	p.mu.Unlock()
	switch {
	case down:
		http.Error(w, "down for a test", http.StatusServiceUnavailable)
	case forge != nil && strings.HasSuffix(r.URL.Path, "/token"):
		rec := httptest.NewRecorder()
		engine.ServeHTTP(rec, r)
		body, err := forged(rec.Body.Bytes(), func(token string) string { return forge(p, token) })
		if err != nil {
			body = rec.Body.Bytes()
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(rec.Code)
		_, _ = io.Copy(w, bytes.NewReader(body))
	default:
		engine.ServeHTTP(w, r)
	}
}

func forged(body []byte, forge func(string) string) ([]byte, error) {
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	token, ok := answer["id_token"].(string)
	if !ok {
		return nil, errors.New("no id token")
	}
	answer["id_token"] = forge(token)
	delete(answer, "access_token")
	answer["access_token"] = "made-up-access-token"
	return json.Marshal(answer)
}
