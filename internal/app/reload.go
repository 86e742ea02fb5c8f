package app

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/health"
)

// conditionReload says that the configuration in force is not the one on disk.
const conditionReload = "config.reload"

// Reload takes over bearer tokens, certificates and the log level from the configuration that load reads; everything else
// needs a restart. A configuration that is refused changes nothing, and health says so until one is taken.
func (a *App) Reload(ctx context.Context, load func() (config.Config, error)) error {
	cfg, err := a.reload(load)
	if err != nil {
		a.health.Raise(conditionReload, health.Warning, "the configuration was not reloaded, the old one stays in force: "+err.Error())
		return fmt.Errorf("reload configuration: %w", err)
	}
	a.health.Clear(conditionReload)
	digest, err := cfg.Digest()
	if err != nil {
		return err
	}
	return a.act(ctx, "tripod.serve.reload", audit.Attrs{{Name: "config_digest", Value: audit.String(digest)}})
}

func (a *App) reload(load func() (config.Config, error)) (config.Config, error) {
	cfg, err := load()
	if err != nil {
		return cfg, err
	}
	list, err := tokens(cfg.OTLP)
	if err != nil {
		return cfg, err
	}
	if err := a.receiver.Reload(list); err != nil {
		return cfg, err
	}
	if a.level == nil {
		return cfg, nil
	}
	return cfg, a.level.UnmarshalText([]byte(cfg.Log.Level))
}
