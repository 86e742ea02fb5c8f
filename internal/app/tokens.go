package app

import (
	"fmt"
	"os"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/secret"
)

// leastToken is how many characters a bearer token has at least.
const leastToken = 16

// readTokens reads the bearer tokens that a section of the configuration refers to.
func readTokens(section string, refs []config.Token) ([]credential.Token, error) {
	var list []credential.Token
	for _, t := range refs {
		value := secret.New(os.Getenv(t.Env))
		if t.File != "" {
			var err error
			if value, err = secret.ReadFile(t.File); err != nil {
				return nil, fmt.Errorf("%s token %q: %w", section, t.Name, err)
			}
		}
		if value.IsZero() {
			return nil, fmt.Errorf("%s token %q: environment variable %s is empty", section, t.Name, t.Env)
		}
		if len(value.Reveal()) < leastToken {
			return nil, fmt.Errorf("%s token %q: shorter than %d characters can be guessed: make one with openssl rand -hex 32", section, t.Name, leastToken)
		}
		list = append(list, credential.Token{Name: t.Name, Token: value, Surface: t.Surface, Proves: audit.Identity{
			Email: t.Email, User: t.User, Org: t.Org, Device: t.Device, Service: t.Service, Groups: t.Groups,
		}})
	}
	return list, nil
}
