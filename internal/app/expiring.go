package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/console/page"
)

// expiring lists what runs out before a time, or has: certificates of listeners, API tokens, exceptions from rules.
func (a *App) expiring(ctx context.Context, before time.Time) (list []page.Expiry, err error) {
	var errs []error
	for _, c := range []struct{ what, cert, key string }{
		{"console", a.cfg.Console.TLS.Cert, a.cfg.Console.TLS.Key}, {"OTLP receiver", a.cfg.OTLP.TLS.Cert, a.cfg.OTLP.TLS.Key}, {"gateway", a.cfg.Gateway.TLS.Cert, a.cfg.Gateway.TLS.Key},
	} {
		if c.cert == "" {
			continue
		}
		pair, err := tls.LoadX509KeyPair(c.cert, c.key)
		if err != nil {
			errs = append(errs, fmt.Errorf("certificate of the %s: %w", c.what, err))
			continue
		}
		if at := pair.Leaf.NotAfter; at.Before(before) {
			list = append(list, page.Expiry{Text: "the certificate of the " + c.what, At: at, Right: access.ReadHealth, URL: "/health", Link: "health"})
		}
	}
	tokens, err := a.signIn.Tokens(ctx)
	errs = append(errs, err)
	for _, t := range tokens {
		if t.Ended.IsZero() && t.Until.Before(before) && t.Until.After(time.Now()) { // one that has run out opens nothing
			list = append(list, page.Expiry{Text: "the API token " + t.Name, At: t.Until, Right: access.ReadSettings})
		}
	}
	for _, r := range a.policy.Rules() {
		for _, e := range r.Exceptions {
			if at, err := time.Parse(time.DateOnly, e.Until); err == nil && at.Before(before) && at.After(time.Now()) {
				list = append(list, page.Expiry{Text: "an exception from the rule " + r.ID, At: at, Right: access.ReadSettings})
			}
		}
	}
	return list, errors.Join(errs...)
}
