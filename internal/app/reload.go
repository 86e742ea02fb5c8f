package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// Conditions that say that the configuration in force is not the one on disk.
const (
	conditionReload  = "config.reload"  // it was refused
	conditionRestart = "config.restart" // parts of it need a restart
)

// Reload takes over policy with its rule files, the rules of detections, the capture policy, bearer tokens, the content of certificate files and the log level from the
// configuration that load reads; everything else needs a restart, which is said in log and health. A configuration that is refused changes nothing.
// The record of a reload names the configuration in force after it.
func (a *App) Reload(ctx context.Context, load func() (config.Config, error)) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	return a.reloadBy(ctx, osIdentity(), load)
}

// reloadBy is Reload under its lock, at the order of somebody.
func (a *App) reloadBy(ctx context.Context, by audit.Identity, load func() (config.Config, error)) error {
	restart, err := a.reload(ctx, load)
	if err != nil {
		a.health.Raise(conditionReload, health.Warning, "the configuration was not reloaded, the old one stays in force: "+err.Error())
		return fmt.Errorf("reload configuration: %w", err)
	}
	a.health.Clear(conditionReload)
	a.health.Clear(conditionRestart)
	if len(restart) > 0 {
		text := "changed and in force only after a restart: " + strings.Join(restart, ", ")
		a.health.Raise(conditionRestart, health.Warning, text)
		a.log.WarnContext(ctx, "configuration reloaded in part", "reason", text)
	}
	if err := a.recordCapture(ctx, by); err != nil {
		return err
	}
	digest, err := a.inForce.Load().Digest()
	if err != nil {
		return err
	}
	return a.act(ctx, "tripod.serve.reload", audit.Attrs{
		{Name: "config_digest", Value: audit.String(digest)}, {Name: "rule_set", Value: audit.String(a.policy.Version())},
		{Name: "mode", Value: audit.String(string(a.policy.Mode()))},
	})
}

func (a *App) reload(ctx context.Context, load func() (config.Config, error)) (restart []string, err error) {
	next, err := load()
	if err != nil {
		return nil, err
	}
	list, err := readTokens("otlp", next.OTLP.Tokens)
	if err != nil {
		return nil, err
	}
	commit, err := a.policy.Prepare(next.Policy)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	kept, err := capture.New(next.Capture)
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	found, err := detections(next.Detect, a.health, a.log)
	if err != nil {
		return nil, err
	}
	found.Limits = a.inForce.Load().Detect.Limits
	callers, err := readTokens("gateway", next.Gateway.Tokens)
	if err != nil {
		return nil, err
	}
	commitCertificate, err := a.console.certificate.prepare()
	if err != nil {
		return nil, err
	}
	if err := next.Access.Validate(); err != nil {
		return nil, err
	}
	if err := a.receiver.Reload(list); err != nil {
		return nil, err
	}
	if err := a.gateway.reload(callers); err != nil {
		return nil, err
	}
	if a.level != nil {
		if err := a.level.UnmarshalText([]byte(next.Log.Level)); err != nil {
			return nil, err
		}
	}
	commit()
	commitCertificate()
	a.useRules(found)
	if err := a.signIn.Reload(ctx, next.Access); err != nil { // in force; what failed is the record of a sign-in that ended with it
		a.log.WarnContext(ctx, "the end of a sign-in is not on record", "error", err)
	}
	a.truth.Door.SetPolicy(kept)
	a.forwarding.wake()
	effective, restart := a.inForce.Load().AfterReload(next)
	a.inForce.Store(&effective)
	return restart, nil
}
