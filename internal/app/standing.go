package app

import (
	"context"

	"github.com/tripod-audit/tripod/internal/config"
	pages "github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/page"
)

// standing is what the page of health tells of this process. What cannot be read is said in its place.
func (a *App) standing(ctx context.Context) page.Standing {
	s := pages.MeasureDir(a.cfg.Data)
	if free, err := freeSpace(a.cfg.Data); err != nil {
		s.FreeError = err.Error()
	} else {
		s.Free = free
	}
	for _, v := range a.views {
		at := page.ViewPosition{Name: v.name, Position: v.position()}
		if v.opened() == nil {
			at.Problem = "its files are not open; it is tried again"
		}
		s.Views = append(s.Views, at)
	}
	s.Listeners, s.Backlog, s.Sinks = a.listeners(), a.backlogs(), a.forwarding.standing(ctx)
	s.Owners = make(map[string]string, len(a.cfg.Owners))
	for source, owner := range a.cfg.Owners {
		s.Owners[string(source)] = owner
	}
	return s
}

// listeners are the ways in and the console, with what protects each.
func (a *App) listeners() []page.Listener {
	cfg := a.inForce.Load()
	otlp := protection(cfg.OTLP.TLS, len(cfg.OTLP.Tokens)+a.extraTokens, "deliver")
	gateway := protection(cfg.Gateway.TLS, a.gateway.tokens, "call")
	list := []page.Listener{{Name: "console", Address: a.console.url(), Protection: consoleProtection(cfg)}}
	addrs, err := ReadAddrs(a.cfg.Data)
	if err != nil {
		return list // they are not bound yet, or the file could not be written, which is a condition of its own
	}
	return append(list, page.Listener{Name: "OTLP over HTTP", Address: addrs.OTLPHTTP, Protection: otlp},
		page.Listener{Name: "OTLP over gRPC", Address: addrs.OTLPGRPC, Protection: otlp},
		page.Listener{Name: "LLM gateway", Address: addrs.Gateway, Protection: gateway})
}

// protection says in words what a way in asks of who delivers; may is what they may do.
func protection(tls config.TLS, tokens int, may string) string {
	switch {
	case tls.ClientCA != "":
		return "TLS; clients present a certificate"
	case tokens > 0 && tls.Cert != "":
		return "TLS and bearer tokens"
	case tokens > 0:
		return "bearer tokens"
	case tls.Cert != "":
		return "TLS; whoever reaches it may " + may
	}
	return "whoever reaches it may " + may
}

// consoleProtection says who gets in to the console, and over what.
func consoleProtection(cfg *config.Config) string {
	over := "loopback only"
	if cfg.Console.TLS.Cert != "" {
		over = "TLS"
	}
	if cfg.Access.OIDC.Issuer == "" {
		return over + ", one-time links"
	}
	return over + ", sign-in at the identity provider"
}
