package app

import (
	"context"
	"time"

	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/config"
)

// callbackPath is where the identity provider sends people back to.
const callbackPath = "/signin/callback"

// newSignIn makes what says who asks. url is how browsers reach the console; "" where none does: then nobody is signed in.
func newSignIn(ctx context.Context, t *Truth, cfg signin.Config, url string) (*signin.Service, error) {
	deps := signin.Deps{
		StateKey: t.stateKey, Acts: t.Acts, Book: t.SignIns, Door: t.Door, Owner: osIdentity().OSUser,
		NotBefore: t.lastRecorded(ctx), Health: t.Health, Logger: t.log,
	}
	if from := cfg.OIDC.ClientSecret; !from.None() {
		deps.ClientSecret = complianceKey(config.KeySource{File: from.File, Env: from.Env, Command: from.Command})
	}
	if url != "" {
		deps.Dir, deps.Callback, deps.Home = t.dir, url+callbackPath, url+"/"
	}
	return signin.New(ctx, cfg, deps)
}

// lastRecorded is when the last record was taken in: a time that has passed, whatever the clock says. It is zero where
// that cannot be read.
func (t *Truth) lastRecorded(ctx context.Context) time.Time {
	reader := t.Journal.Reader()
	last, err := reader.Last(ctx)
	if err != nil || last == 0 {
		return time.Time{}
	}
	stored, _, err := reader.GetReadable(ctx, last)
	if err != nil || len(stored) == 0 || stored[0].Tombstone != nil {
		return time.Time{}
	}
	rec, err := stored[0].Record()
	if err != nil {
		return time.Time{}
	}
	return rec.Recorded
}
