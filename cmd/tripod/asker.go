package main

import (
	"context"
	"fmt"
	"os"

	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/secret"
)

// configFlag names the configuration that says who may give a command where no serve runs; commands that write embed it.
type configFlag struct {
	Config string `short:"c" help:"Configuration file, for who may where no serve runs." env:"TRIPOD_CONFIG" placeholder:"FILE"`
}

// asked is a context in which a command is given by who the environment says: TRIPOD_TOKEN, TRIPOD_TOKEN_FILE, or nobody
// but the login name.
func asked(ctx context.Context, file string) context.Context {
	a := app.Asker{Token: func() (secret.String, error) { return app.TokenFrom(os.Getenv) }}
	if file == "" {
		file = os.Getenv("TRIPOD_CONFIG")
	}
	if file != "" {
		a.Access = func() (*signin.Config, error) {
			cfg, err := config.Load(file)
			if err != nil {
				return nil, fmt.Errorf("who may is told by the configuration: %w", err)
			}
			return &cfg.Access, nil
		}
	}
	return app.As(ctx, a)
}
