package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tripod-audit/tripod/internal/secret"
)

// ErrKey wraps every reason why there is no key to use.
var ErrKey = errors.New("no key for the Compliance API")

// keyring holds the key in use.
type keyring struct {
	source KeySource
	loaded func(kind string)

	mu  sync.Mutex
	key secret.String
}

// use is the key to send: the one in use, unless the server refused it; then the source is asked again.
func (k *keyring) use(ctx context.Context, refused secret.String) (secret.String, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.key.IsZero() && (refused.IsZero() || !k.key.Equal(refused.Reveal())) {
		return k.key, nil
	}
	key, err := k.source(ctx)
	switch {
	case err != nil:
		return secret.String{}, fmt.Errorf("%w: %w", ErrKey, err)
	case key.IsZero():
		return secret.String{}, fmt.Errorf("%w: its source is empty", ErrKey)
	case !sendable(key.Reveal()):
		return secret.String{}, fmt.Errorf("%w: what its source holds cannot be a key: it has spaces or other characters no key has", ErrKey)
	}
	if k.key.IsZero() || !k.key.Equal(key.Reveal()) {
		k.key = key
		if k.loaded != nil {
			k.loaded(Kind(key))
		}
	}
	return key, nil
}

// forget makes the next use ask the source.
func (k *keyring) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = secret.String{}
}

func sendable(s string) bool {
	return len(s) < 4096 && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// ForgetKey makes the client ask the source of the key anew with the next request.
func (c *Client) ForgetKey() { c.key.forget() }

// Kind tells a key's kind by its prefix: what the vendor's page on access lists, or "unknown".
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-api-access.
func Kind(key secret.String) string {
	for _, k := range []struct{ prefix, name string }{
		{"sk-ant-api01-", "compliance_access_key"}, {"sk-ant-admin01-", "admin_api_key"}, {"sk-ant-api03-", "claude_api_key"},
	} {
		if strings.HasPrefix(key.Reveal(), k.prefix) {
			return k.name
		}
	}
	return "unknown"
}
