package app

import (
	"fmt"
	"os"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/secret"
)

// leastToken is how many characters a bearer token has at least.
const leastToken = 16

// tokens reads the bearer tokens the configuration refers to.
func tokens(c config.OTLP) ([]otlp.Token, error) {
	var list []otlp.Token
	for _, t := range c.Tokens {
		value := secret.New(os.Getenv(t.Env))
		if t.File != "" {
			var err error
			if value, err = secret.ReadFile(t.File); err != nil {
				return nil, fmt.Errorf("otlp token %q: %w", t.Name, err)
			}
		}
		if value.IsZero() {
			return nil, fmt.Errorf("otlp token %q: environment variable %s is empty", t.Name, t.Env)
		}
		if len(value.Reveal()) < leastToken {
			return nil, fmt.Errorf("otlp token %q: shorter than %d characters can be guessed: make one with openssl rand -hex 32", t.Name, leastToken)
		}
		list = append(list, otlp.Token{Name: t.Name, Token: value, Surface: t.Surface, Proves: audit.Identity{
			Email: t.Email, User: t.User, Org: t.Org, Device: t.Device, Service: t.Service, Groups: t.Groups,
		}})
	}
	return list, nil
}
