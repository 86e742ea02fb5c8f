package forward

import (
	"context"
	"sync"

	"github.com/tripod-audit/tripod/internal/secret"
)

// Credential is a Secret that is read once, and again after it was refused. It is safe for concurrent use.
type Credential struct {
	from Secret

	mu    sync.Mutex
	value secret.String
}

// NewCredential makes a credential and reads nothing yet.
func NewCredential(from Secret) *Credential { return &Credential{from: from} }

// Get is the credential; an error is an *AuthError.
func (c *Credential) Get(ctx context.Context) (secret.String, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.value.IsZero() {
		return c.value, nil
	}
	v, err := c.from.Read(ctx)
	if err != nil {
		return v, &AuthError{Err: err}
	}
	c.value = v
	return v, nil
}

// Refused has the next Get read it anew.
func (c *Credential) Refused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value = secret.String{}
}
