package post

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Credential is what a receiver knows us by: read or asked for once, and again when it ends or is refused.
type Credential struct {
	get func(context.Context) (secret.String, time.Duration, error)

	mu    sync.Mutex // held while it is got, so that it is got once for all who wait
	value secret.String
	until time.Time // zero: for good
}

// NewCredential has get called for the credential and for how long it is good; 0: until it is refused.
func NewCredential(get func(context.Context) (secret.String, time.Duration, error)) *Credential {
	return &Credential{get: get}
}

// Static is a credential that is read from where s says. One that cannot be read is an *AuthError.
func Static(s forward.Secret) *Credential {
	return NewCredential(func(ctx context.Context) (secret.String, time.Duration, error) {
		v, err := s.Read(ctx)
		if err != nil && ctx.Err() == nil {
			err = &forward.AuthError{Err: err}
		}
		return v, 0, err
	})
}

// Get is the credential.
func (c *Credential) Get(ctx context.Context) (secret.String, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.value.IsZero() && (c.until.IsZero() || time.Now().Before(c.until)) {
		return c.value, nil
	}
	v, life, err := c.get(ctx)
	if err != nil {
		return v, err
	}
	c.value, c.until = v, time.Time{}
	if life > 0 {
		c.until = time.Now().Add(life - min(life/10, 5*time.Minute))
	}
	return v, nil
}

// refused forgets the credential, if it is still the one in use.
func (c *Credential) refused(v secret.String) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.value.Equal(v.Reveal()) {
		c.value = secret.String{}
	}
}

// With calls do with the credential. Where do says that it was refused, it is got anew and, if it is another one, tried once more:
// a credential that was replaced in time stops nothing.
func (c *Credential) With(ctx context.Context, do func(secret.String) error) error {
	v, err := c.Get(ctx)
	if err != nil {
		return fmt.Errorf("get the credential: %w", err)
	}
	err = do(v)
	var auth *forward.AuthError
	if !errors.As(err, &auth) {
		return err
	}
	c.refused(v)
	again, getErr := c.Get(ctx)
	if getErr != nil || again.Equal(v.Reveal()) {
		return err
	}
	if err = do(again); errors.As(err, &auth) {
		c.refused(again)
	}
	return err
}
