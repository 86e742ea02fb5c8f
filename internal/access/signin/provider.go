package signin

import (
	"context"
	"time"
)

// skew is how far the clocks of provider and Tripod may be apart.
const skew = time.Minute

type provider struct{}

func newProvider(cfg OIDC, stepUp time.Duration, deps Deps) (*provider, error) {
	return &provider{}, nil
}

func (p *provider) refresh(ctx context.Context) time.Duration { return time.Hour }
