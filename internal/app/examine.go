package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/own"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/probe"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/secret"
)

// examineTime bounds how long the Compliance API is asked about all keys.
const examineTime = 45 * time.Second

// examiner asks the Compliance API what the configured keys may do. Its calls go on record as any other.
type examiner struct {
	cfg    config.Compliance
	door   *intake.Door
	known  []string // vendor's ids of keys that are ours
	read   api.Options
	remove api.Options
	budget *api.Budget
}

// examineCompliance asks about the keys of the configuration: through serve where it runs, which has its own configuration,
// else with the journal's lock. Without a journal nothing is asked: the calls could not be put on record, and would seem
// somebody else's.
func examineCompliance(ctx context.Context, dir string, cfg config.Config) []Finding {
	const check = "compliance api"
	ctx, cancel := context.WithTimeout(ctx, examineTime)
	defer cancel()
	if err := mustExist(dir); err != nil {
		return nil // said by what looks at the directory
	}
	var findings []Finding
	err := ask(ctx, dir, "/v1/examine", struct{}{}, &findings)
	if errors.Is(err, errNoServe) {
		if !cfg.Compliance.On() && !cfg.Compliance.DeleteKey().Named() {
			return noKeys()
		}
		findings, err = examineLocked(ctx, dir, cfg)
	}
	if err != nil {
		return append(findings, Finding{Check: check, Text: "its keys were not examined: " + err.Error(), Fix: "start tripod serve, and run tripod doctor again"})
	}
	return findings
}

func noKeys() []Finding {
	return []Finding{{Check: "compliance api", OK: true, Text: "no key is configured: the control plane is not read"}}
}

// examineLocked examines with the journal's lock.
func examineLocked(ctx context.Context, dir string, cfg config.Config) (findings []Finding, err error) {
	t, err := OpenTruth(ctx, TruthOptions{Dir: dir, Capture: cfg.Capture})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	if t.Refused != nil {
		return nil, t.Refused
	}
	found, err := correlate.OpenReader(ctx, dir)
	var known []string
	if err == nil { // without the view no key is known by its id
		known, err = found.OwnKeys(ctx)
		err = errors.Join(err, found.Close())
	}
	if err != nil && !errors.Is(err, correlate.ErrNoIndex) {
		return nil, err
	}
	x, run, err := newExaminer(t.Door, cfg.Compliance, known, nil)
	if err != nil {
		return nil, err
	}
	calls := startStage(ctx, "calls to the compliance api", run)
	findings, err = x.examine(ctx, osIdentity())
	return findings, errors.Join(err, calls.stop())
}

// newExaminer makes an examiner. Its reading calls are recorded by the log given, which is serve's, or by one of its own; run
// keeps the record of the others until its context ends.
func newExaminer(door *intake.Door, cfg config.Compliance, known []string, serving *compliance) (*examiner, func(context.Context) error, error) {
	host, err := api.HostOf(cfg.URL)
	if err != nil {
		return nil, nil, err
	}
	x := &examiner{cfg: cfg, door: door, known: known, budget: api.NewBudget()}
	var logs []*own.Log
	options := func(c own.Config) (api.Options, error) {
		c.Host, c.Version = host, "doctor"
		l, err := own.New(c, own.Deps{Door: door})
		if err != nil {
			return api.Options{}, err
		}
		logs = append(logs, l)
		return api.Options{URL: cfg.URL, UserAgent: "tripod/doctor", Name: l.Name, Observe: l.Observe, Budget: x.budget}, nil
	}
	if serving != nil {
		x.budget = serving.budget
		x.read = api.Options{URL: cfg.URL, UserAgent: serving.agent(), Name: serving.calls.Name, Observe: serving.calls.Observe, Budget: x.budget}
	} else if x.read, err = options(own.Config{}); err != nil {
		return nil, nil, err
	}
	if x.remove, err = options(own.Config{Credential: "compliance-delete", Deletes: true}); err != nil {
		return nil, nil, err
	}
	return x, func(ctx context.Context) error {
		<-ctx.Done()
		var errs []error
		for _, l := range logs {
			errs = append(errs, l.Run(ctx)) // a context that is over: all that is left goes on record
		}
		return errors.Join(errs...)
	}, nil
}

// TypeExamined is the act of asking the Compliance API what the keys may do.
const TypeExamined = "tripod.compliance.examined"

// examine asks about each key. by is who wanted to know.
func (x *examiner) examine(ctx context.Context, by audit.Identity) ([]Finding, error) {
	_, err := x.door.Record(ctx, intake.Act{Type: TypeExamined, Activity: audit.ActivityOperation, Account: by}, nil)
	if err != nil {
		return nil, fmt.Errorf("put the examination on record: %w", err)
	}
	var findings []Finding
	var reports []probe.Report
	if x.cfg.On() {
		keys, f := loadKeys(ctx, x.cfg.ReadKey(), "compliance key")
		findings = append(findings, f...)
		for i, key := range keys {
			r, err := probe.Read(ctx, x.read, key, x.known)
			if err != nil {
				return findings, err
			}
			reports = append(reports, r)
			findings = append(findings, x.ofReadKey(&r, i+1, len(keys)))
		}
		findings = append(findings, ofTenant(reports)...)
	}
	if x.cfg.DeleteKey().Named() {
		keys, f := loadKeys(ctx, x.cfg.DeleteKey(), "compliance delete key")
		findings = append(findings, f...)
		for _, key := range keys {
			r, err := probe.Delete(ctx, x.remove, key)
			if err != nil {
				return findings, err
			}
			reports = append(reports, r)
			findings = append(findings, ofDeleteKey(&r))
		}
	}
	if len(reports) > 0 {
		findings = append(findings, ofClock(reports), x.ofBudget())
	}
	return findings, nil
}

// loadKeys reads a source of keys.
func loadKeys(ctx context.Context, source config.KeySource, check string) ([]secret.String, []Finding) {
	text, err := complianceKey(source)(ctx)
	if err != nil {
		return nil, []Finding{{Check: check, Text: err.Error(), Fix: "operator: put the key there; a file has mode 0600"}}
	}
	keys, err := api.SplitKeys(text)
	if err != nil {
		return nil, []Finding{{Check: check, Text: err.Error(), Fix: "operator: put the key there, or two keys, one a line, and nothing else"}}
	}
	return keys, nil
}

// serveExamine answers with what is found out about the keys of this serve.
func serveExamine(w http.ResponseWriter, r *http.Request, a *App) {
	by, _ := r.Context().Value(peerKey{}).(audit.Identity)
	findings, err := a.examine(r.Context(), by)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(findings)
}

func (a *App) examine(ctx context.Context, by audit.Identity) ([]Finding, error) {
	cfg := a.cfg.Compliance
	switch {
	case a.truth.Refused != nil:
		return nil, a.truth.Refused
	case !cfg.On() && !cfg.DeleteKey().Named():
		return noKeys(), nil
	}
	var known []string
	if v, err := openedAs[*correlate.View](a.view("correlate")); err == nil {
		if known, err = v.OwnKeys(ctx); err != nil {
			return nil, err
		}
	}
	x, run, err := newExaminer(a.truth.Door, cfg, known, a.compliance)
	if err != nil {
		return nil, err
	}
	calls := startStage(ctx, "calls to the compliance api", run)
	findings, err := x.examine(ctx, by)
	return findings, errors.Join(err, calls.stop())
}
