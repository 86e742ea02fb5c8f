package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/secret"
)

// newCompliance makes the way in for the Compliance API; nil where no key is named, or nothing can be written.
func newCompliance(a *App) (*complianceapi.Collector, error) {
	cfg := a.cfg.Compliance
	if !cfg.On() || a.truth.Refused != nil {
		return nil, nil
	}
	start, err := cfg.Since()
	if err != nil {
		return nil, err
	}
	return complianceapi.New(complianceapi.Config{URL: cfg.URL, Start: start, Interval: cfg.PollInterval}, complianceapi.Deps{
		Door: a.truth.Door, Cursors: a.truth.Journal, Key: complianceKey(cfg), Version: a.version, Logger: a.log, Registerer: a.metrics, Health: a.health,
	})
}

// runCompliance keeps what ends the reading of the feed from ending what else comes in.
func (a *App) runCompliance(ctx context.Context) error {
	err := a.compliance.Run(ctx)
	if err != nil && ctx.Err() == nil {
		a.health.Raise("compliance.stopped", health.Critical, "the activity feed is not read until a restart: "+err.Error())
		a.log.ErrorContext(ctx, "the activity feed is not read any more", "error", err)
		<-ctx.Done()
	}
	return nil
}

// complianceKey is where the key comes from.
func complianceKey(c config.Compliance) api.KeySource {
	return func(ctx context.Context) (secret.String, error) {
		switch {
		case c.KeyFile != "":
			return secret.ReadFile(c.KeyFile)
		case len(c.KeyCommand) > 0:
			return keyFromCommand(ctx, c.KeyCommand)
		}
		key := secret.New(os.Getenv(c.KeyEnv))
		if key.IsZero() {
			return key, fmt.Errorf("environment variable %s is empty", c.KeyEnv)
		}
		return key, nil
	}
}

const (
	keyCommandTime = 30 * time.Second
	mostKey        = 64 << 10
)

// keyFromCommand runs a command that prints the key. What it prints appears nowhere, errors of its own included: a
// command that fails may say the secret it failed with.
func keyFromCommand(ctx context.Context, argv []string) (secret.String, error) {
	ctx, cancel := context.WithTimeout(ctx, keyCommandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return secret.String{}, fmt.Errorf("the command for the key: %s", exit.ProcessState)
		}
		return secret.String{}, fmt.Errorf("the command for the key: %w", err)
	}
	if len(out) > mostKey {
		return secret.String{}, errors.New("the command for the key printed more than a key")
	}
	return secret.New(string(bytes.TrimSpace(out))), nil
}
