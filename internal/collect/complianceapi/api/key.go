package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/secret"
)

// ErrKey wraps every reason why there is no key to use.
var ErrKey = errors.New("no key for the Compliance API")

// MostKeys is how many keys a source may hold: one, and while keys are being replaced the next one.
const MostKeys = 2

// lookAgain is how often the source is asked while a key serves that is not its first: it may have been tidied up.
const lookAgain = 10 * time.Minute

// KeyUse says which key is in use, and nothing of the key itself.
type KeyUse struct {
	Kind  string // by its prefix, as Kind tells it
	Place int    // in its source, from 1
	Of    int    // keys the source holds
}

// keyring holds the keys of a source and the one in use.
type keyring struct {
	source KeySource
	loaded func(KeyUse)

	mu      sync.Mutex
	key     secret.String // in use
	inUse   KeyUse
	changes int             // how often another key took over
	refused []secret.String // by the server, of those the source holds
	looked  time.Time       // at the source, last
	again   bool            // the source is to be asked before the next use
}

// use is the key to send: the one in use, unless the server refused it; then the source is asked again, and the first of
// its keys that was not refused serves. Where all were, the first that is not the one just refused is tried once more.
func (k *keyring) use(ctx context.Context, refused secret.String) (secret.String, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	serves := !k.key.IsZero() && !k.again && (refused.IsZero() || !k.key.Equal(refused.Reveal()))
	if serves && (k.inUse.Place == 1 || time.Since(k.looked) < lookAgain) {
		return k.key, nil
	}
	list, err := k.load(ctx)
	if err != nil {
		if serves {
			k.looked = time.Now() // it goes on serving; a source that is out of reach is told when a key is needed
			return k.key, nil
		}
		return secret.String{}, err
	}
	if !refused.IsZero() && !contains(k.refused, refused) {
		k.refused = append(k.refused, refused)
	}
	k.refused = slices.DeleteFunc(k.refused, func(r secret.String) bool { return !contains(list, r) })
	k.take(list, k.choose(list, refused))
	return k.key, nil
}

func (k *keyring) choose(list []secret.String, refused secret.String) int {
	if i := slices.IndexFunc(list, func(s secret.String) bool { return !contains(k.refused, s) }); i >= 0 {
		return i
	}
	if i := slices.IndexFunc(list, func(s secret.String) bool { return refused.IsZero() || !s.Equal(refused.Reveal()) }); i >= 0 {
		return i
	}
	return 0
}

// take puts a key into use and tells of it where that changes anything.
func (k *keyring) take(list []secret.String, i int) {
	use := KeyUse{Kind: Kind(list[i]), Place: i + 1, Of: len(list)}
	if !k.key.IsZero() && !k.key.Equal(list[i].Reveal()) {
		k.changes++
	}
	changed := k.key.IsZero() || !k.key.Equal(list[i].Reveal()) || k.inUse.Place != use.Place
	k.key, k.inUse = list[i], use
	if changed && k.loaded != nil {
		k.loaded(use)
	}
}

// load asks the source.
func (k *keyring) load(ctx context.Context) ([]secret.String, error) {
	text, err := k.source(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	k.looked, k.again = time.Now(), false
	return SplitKeys(text)
}

func contains(list []secret.String, key secret.String) bool {
	return slices.ContainsFunc(list, func(s secret.String) bool { return s.Equal(key.Reveal()) })
}

// forget makes the next use ask the source, as if no key had been refused.
func (k *keyring) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.again, k.refused = true, nil
}

func sendable(s string) bool {
	return len(s) < 4096 && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// ForgetKey makes the client ask the source of the key anew with the next request.
func (c *Client) ForgetKey() { c.key.forget() }

// KeyChanges counts how often another key took over from the one in use: what was read before and what is read after may
// be two different views of the same tenant.
func (c *Client) KeyChanges() int {
	c.key.mu.Lock()
	defer c.key.mu.Unlock()
	return c.key.changes
}

// The scopes of Compliance Access Keys, which cannot be changed once a key is made.
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-api-access.
const (
	ScopeActivities = "read:compliance_activities"
	ScopeUserData   = "read:compliance_user_data"
	ScopeOrgData    = "read:compliance_org_data"
	ScopeDelete     = "delete:compliance_user_data"
	ScopeAudit      = "read:org_audit" // reads everything
)

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

// SplitKeys are the keys that a source's text holds, for who asks about each by itself. Its error wraps ErrKey.
func SplitKeys(text secret.String) ([]secret.String, error) {
	words := strings.Fields(text.Reveal())
	switch {
	case len(words) == 0:
		return nil, fmt.Errorf("%w: its source is empty", ErrKey)
	case len(words) > MostKeys:
		return nil, fmt.Errorf("%w: what its source holds cannot be keys: it has %d words, and %d keys are the most", ErrKey, len(words), MostKeys)
	}
	var list []secret.String
	for _, w := range words {
		if !sendable(w) {
			return nil, fmt.Errorf("%w: what its source holds cannot be a key: it has characters no key has", ErrKey)
		}
		if key := secret.New(w); !contains(list, key) {
			list = append(list, key)
		}
	}
	return list, nil
}
