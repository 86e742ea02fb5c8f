package llmgateway

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/secret"
)

// headerOrgs restricts a request to the accounts of some organisations
// (https://support.claude.com/en/articles/13198485-restrict-access-with-tenant-restrictions).
const headerOrgs = "Anthropic-Allowed-Org-Ids"

// CredentialHash is the keyed hash that names a credential: HMAC-SHA-256 in hex digits. It is the same whichever header the
// credential is sent in, and says nothing to who lacks the key.
func CredentialHash(key [32]byte, credential string) string {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("credential\x00" + credential))
	return hex.EncodeToString(mac.Sum(nil))
}

// shortHash is how much of a hash names a credential in records: enough to tell those of one enterprise apart.
const shortHash = 12

// credentials decide which credential goes upstream.
type credentials struct {
	key           [32]byte
	pins          []pin
	subscriptions bool
	orgs          string
	supplies      []*supply
}

type pin struct {
	Pin
	hash []byte
}

func newCredentials(cfg Config) *credentials {
	c := &credentials{key: *cfg.Key, subscriptions: cfg.Subscriptions, orgs: strings.Join(cfg.AllowedOrgs, ",")}
	for _, p := range cfg.Pins {
		hash, err := hex.DecodeString(p.Hash)
		if err != nil {
			continue // refused by validate
		}
		c.pins = append(c.pins, pin{Pin: p, hash: hash})
	}
	for _, s := range cfg.Supply {
		c.supplies = append(c.supplies, &supply{Supply: s})
	}
	return c
}

// sent lists the credentials in a header: clients may send the same one in both places.
func sent(h http.Header) []string {
	var list []string
	for _, v := range h.Values("X-Api-Key") {
		list = append(list, strings.TrimSpace(v))
	}
	for _, v := range h.Values("Authorization") {
		if scheme, token, ok := strings.Cut(v, " "); ok && strings.EqualFold(scheme, "Bearer") {
			v = token
		}
		list = append(list, strings.TrimSpace(v))
	}
	return list
}

// subscription reports whether a credential is an OAuth token of a subscription login, by its documented prefix.
func subscription(credential string) bool { return strings.HasPrefix(credential, "sk-ant-oat") }

// foreign names a credential that is none of the enrolled; "" where all pass.
func (c *credentials) foreign(h http.Header) string {
	if len(c.pins) == 0 {
		return ""
	}
	for _, credential := range sent(h) {
		if c.subscriptions && subscription(credential) {
			continue
		}
		if _, ok := c.pinned(credential); !ok {
			return CredentialHash(c.key, credential)[:shortHash]
		}
	}
	return ""
}

func (c *credentials) pinned(credential string) (Pin, bool) {
	mac := hmac.New(sha256.New, c.key[:])
	mac.Write([]byte("credential\x00" + credential))
	sum := mac.Sum(nil)
	found := -1
	for i := range c.pins { // all of them, so that time tells nothing
		if subtle.ConstantTimeCompare(c.pins[i].hash, sum) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Pin{}, false
	}
	return c.pins[found].Pin, true
}

// name names what a caller authenticates to the vendor with: an enrolled key by its name, another by the first characters
// of its keyed hash; "" where nothing was sent.
func (c *credentials) name(h http.Header) string {
	list := sent(h)
	if len(list) == 0 {
		return ""
	}
	if p, ok := c.pinned(list[0]); ok {
		return p.Name
	}
	return CredentialHash(c.key, list[0])[:shortHash]
}

// supplied finds the credential of ours for a path; nil where the caller's passes.
func (c *credentials) supplied(path string) *supply {
	for _, s := range c.supplies {
		if len(s.Paths) == 0 {
			return s
		}
		for _, p := range s.Paths {
			if strings.HasPrefix(path, p) {
				return s
			}
		}
	}
	return nil
}

// supply keeps a credential of ours for a while.
type supply struct {
	Supply
	mu   sync.Mutex
	have secret.String // guarded by mu
	at   time.Time     // guarded by mu: when have was read
}

// supplyTime is how long a credential is used before it is read again.
const supplyTime = 5 * time.Minute

// get reads the credential, or takes what it read a while ago.
func (s *supply) get(ctx context.Context) (secret.String, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.have.IsZero() && time.Since(s.at) < supplyTime {
		return s.have, nil
	}
	v, err := s.Value(ctx)
	if err == nil && v.IsZero() {
		err = errors.New("it is empty")
	}
	if err != nil {
		return v, fmt.Errorf("credential %q for the upstream: %w", s.Name, err)
	}
	s.have, s.at = v, time.Now()
	return v, nil
}

// forget has the credential read again: the upstream refused it, or the configuration was reloaded.
func (s *supply) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.have = secret.String{}
}

// put sends v in place of whatever the caller sent.
func (s *supply) put(h http.Header, v secret.String) {
	h.Del("X-Api-Key")
	h.Del("Authorization")
	if strings.EqualFold(s.Header, "authorization") {
		h.Set("Authorization", "Bearer "+v.Reveal())
		return
	}
	h.Set("X-Api-Key", v.Reveal())
}
