package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/alert/channel"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

// ruleTexts is what the rules in force say for people. A reload replaces it.
type ruleTexts struct {
	by atomic.Pointer[map[string]alert.Rule]
}

// use takes over the rules of a set.
func (t *ruleTexts) use(set *sigma.Set) {
	by := make(map[string]alert.Rule)
	add := func(h *sigma.Head) {
		r := alert.Rule{ID: h.Ref(), Title: h.Title, Why: h.Tripod.Why, Benign: h.Tripod.Benign, Respond: h.Tripod.Respond, Controls: h.Tripod.Controls, Tags: h.Tags}
		if r.Why == "" {
			r.Why = h.Description
		}
		if len(r.Benign) == 0 {
			r.Benign = h.FalsePositives
		}
		for _, s := range h.Tripod.Sources {
			r.Sources = append(r.Sources, audit.Source(s))
		}
		by[r.ID] = r
	}
	if set != nil {
		for _, r := range set.Rules() {
			add(&r.Head)
		}
		for _, c := range set.Correlations() {
			add(&c.Head)
		}
	}
	t.by.Store(&by)
}

// rule finds one.
func (t *ruleTexts) rule(id string) (alert.Rule, bool) {
	by := t.by.Load()
	if by == nil {
		return alert.Rule{}, false
	}
	r, ok := (*by)[id]
	return r, ok
}

// firings is the view of detections as the outbox of alerts reads it.
type firings func(context.Context) (*detect.View, error)

// After implements alert.Firings.
func (f firings) After(ctx context.Context, p alert.Place, limit int) ([]alert.Firing, error) {
	v, err := f(ctx)
	if err != nil {
		return nil, err
	}
	found, err := v.After(ctx, detect.Cursor(p), limit)
	list := make([]alert.Firing, len(found))
	for i := range found {
		list[i] = firingOf(&found[i])
	}
	return list, err
}

// Get implements alert.Firings.
func (f firings) Get(ctx context.Context, id string) (alert.Firing, bool, error) {
	v, err := f(ctx)
	if err != nil {
		return alert.Firing{}, false, err
	}
	found, ok, err := v.Get(ctx, id)
	if err != nil || !ok {
		return alert.Firing{}, false, err
	}
	return firingOf(&found), true, nil
}

func firingOf(f *detect.Firing) alert.Firing {
	return alert.Firing{
		ID: f.ID, Seq: f.Seq, Rule: f.Rule, Title: f.Title, Version: f.Version, Severity: alert.Severity(f.Severity), At: f.At, Recorded: f.Recorded, Seqs: f.Seqs,
		Group: f.Group, Fields: f.Fields, Count: f.Count, Threshold: f.Threshold, Sentence: f.Sentence, Erased: f.Erased,
	}
}

// firings reads the view of detections of this process.
func (a *App) firings(context.Context) (*detect.View, error) {
	for _, v := range a.views {
		if f, ok := v.opened().(*detectFile); ok && v.name == "detect" {
			return f.View, nil
		}
	}
	return nil, errors.New("the view of detections is not open; it is tried again")
}

// newAlerts opens the outbox of alerts and its channels. Channels read their secrets when they first send.
func newAlerts(ctx context.Context, a *App) (*alert.Outbox, error) {
	channels, err := channel.Open(ctx, a.cfg.Alerts.Channels, channel.Deps{Version: a.version, Logger: a.log})
	if err != nil {
		return nil, err
	}
	d := alert.Deps{Firings: firings(a.firings), Rule: a.rules.rule, Book: a.truth.alerts, Acts: a.truth.Acts, Door: a.truth.Door, Channels: channels,
		Key: *a.truth.stateKey, URL: a.alertURL, Health: a.health, Logger: a.log}
	o, err := alert.New(ctx, a.cfg.Data, a.cfg.Alerts, d)
	if err != nil {
		for _, c := range channels {
			err = errors.Join(err, c.Close())
		}
		return nil, fmt.Errorf("alerts: %w", err)
	}
	return o, nil
}

// alertURL is where an alert is shown; "" where there is no console.
func (a *App) alertURL(id string) string {
	if a.console == nil || a.console.url() == "" {
		return ""
	}
	return a.console.url() + "/alerts/" + id
}
