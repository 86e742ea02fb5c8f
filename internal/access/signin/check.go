package signin

import (
	"context"
	"errors"
	"time"
)

// Found is what an identity provider says of itself.
type Found struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	EndSession    string `json:"end_session_endpoint,omitempty"`
	// PKCE says that it announces S256; many that know it do not say so.
	PKCE bool `json:"pkce_announced"`
	// Named says that it names itself when it sends people back.
	Named bool `json:"iss_parameter"`
}

// Check asks the provider of a configuration to describe itself, and signs nobody in. The error wraps ErrProvider where it
// cannot be asked or contradicts the configuration.
func Check(ctx context.Context, cfg Config) (Found, error) {
	if err := cfg.Validate(); err != nil {
		return Found{}, err
	}
	if cfg = cfg.withDefaults(); cfg.OIDC.Issuer == "" {
		return Found{}, ErrNoProvider
	}
	p, err := newProvider(cfg.OIDC, Deps{}, time.Now)
	if err != nil {
		return Found{}, err
	}
	defer p.client.CloseIdleConnections()
	d, err := p.ask(ctx)
	if err != nil {
		return Found{}, errors.Join(ErrProvider, err)
	}
	f := Found{Issuer: cfg.OIDC.Issuer, Authorization: d.oauth.Endpoint.AuthURL, Token: d.oauth.Endpoint.TokenURL, EndSession: d.endSession, Named: d.issParam}
	for _, c := range d.grants {
		f.PKCE = f.PKCE || c == "S256"
	}
	return f, nil
}
