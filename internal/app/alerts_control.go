package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/detect"
)

// AlertOrder is what somebody wants of alerts: some of them, or a step with one.
type AlertOrder struct {
	// Do is list, show, ack, resolve, except, exceptions or end-exception.
	Do     string             `json:"do"`
	Alert  string             `json:"alert,omitempty"` // or the exception
	Reason string             `json:"reason,omitempty"`
	Filter alert.Filter       `json:"filter,omitzero"`
	New    alert.NewException `json:"new,omitzero"`
}

// AlertAnswer is what a command of alerts prints.
type AlertAnswer struct {
	Alerts     []alert.Alert     `json:"alerts,omitempty"`
	More       bool              `json:"more,omitempty"` // there are others
	Rule       *alert.Rule       `json:"rule,omitempty"` // of the one that is shown
	Messages   []alert.Sent      `json:"messages,omitempty"`
	Exceptions []alert.Exception `json:"exceptions,omitempty"`
}

// alertSteps are the commands of alerts.
var alertSteps = []string{"list", "show", "ack", "resolve", "except", "exceptions", "end-exception"}

// handleAlerts adds the commands of alerts to the socket.
func handleAlerts(a *App, handle func(pattern string, h http.HandlerFunc, commands ...string)) {
	for _, do := range alertSteps {
		handle("POST /v1/alert/"+do, func(w http.ResponseWriter, r *http.Request) { serveAlert(w, r, a, do) }, "alert "+do)
	}
}

func serveAlert(w http.ResponseWriter, r *http.Request, a *App, do string) {
	var o AlertOrder
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		http.Error(w, "alert: "+err.Error(), http.StatusBadRequest)
		return
	}
	o.Do = do
	answer, err := a.truth.alert(r.Context(), a.outbox.Keeper, personOf(r), o)
	if err != nil {
		http.Error(w, err.Error(), alertStatus(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// alert carries an order about alerts out.
func (t *Truth) alert(ctx context.Context, k *alert.Keeper, by *access.Person, o AlertOrder) (answer AlertAnswer, err error) {
	var a alert.Alert
	switch o.Do {
	case "list":
		answer.Alerts, answer.More, err = k.List(ctx, by, o.Filter)
		for i := range answer.Alerts {
			t.withhold(ctx, by, &answer.Alerts[i])
		}
		return answer, err
	case "exceptions":
		answer.Exceptions, err = k.Exceptions(ctx, by)
		return answer, err
	case "show":
		var rule alert.Rule
		if a, rule, err = k.Show(ctx, by, o.Alert); err == nil {
			answer.Rule = &rule
			answer.Messages, err = k.Messages(ctx, a.ID)
		}
	default:
		if t.Refused != nil {
			return answer, t.Refused
		}
		a, err = decideAlert(ctx, k, by, o)
	}
	if err == nil && a.ID != "" {
		t.withhold(ctx, by, &a)
		answer.Alerts = []alert.Alert{a}
	}
	return answer, err
}

func decideAlert(ctx context.Context, k *alert.Keeper, by *access.Person, o AlertOrder) (alert.Alert, error) {
	switch o.Do {
	case "ack":
		return k.Acknowledge(ctx, by, o.Alert, 0, o.Reason)
	case "resolve":
		return k.Resolve(ctx, by, o.Alert, 0, o.Reason)
	case "except":
		o.New.Reason = o.Reason
		return k.Except(ctx, by, o.Alert, o.New)
	case "end-exception":
		return alert.Alert{}, k.EndException(ctx, by, o.Alert, o.Reason)
	}
	return alert.Alert{}, fmt.Errorf("%w: alerts are not for %q", alert.ErrInvalid, o.Do)
}

// withhold leaves out of an alert what it tells of cases that somebody does not see.
func (t *Truth) withhold(ctx context.Context, by *access.Person, a *alert.Alert) {
	a.Withhold(func(seqs []uint64) bool {
		got, _, err := t.Journal.Reader().GetReadable(ctx, seqs...)
		if err != nil {
			return true
		}
		sealed := false
		err = t.Acts.Within(ctx, func(now time.Time) error {
			for i := range got {
				r, err := got[i].Record()
				sealed = sealed || err == nil && r.Source == audit.SourceTripod && r.Case != "" && !t.Book.Sees(by, r.Case, now)
			}
			return nil
		})
		return sealed || err != nil
	})
}

// alertStatus puts why alerts refused into a status.
func alertStatus(err error) int {
	switch {
	case errors.Is(err, access.ErrForbidden), errors.Is(err, alert.ErrPerson):
		return http.StatusForbidden
	case errors.Is(err, alert.ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, alert.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, alert.ErrState):
		return http.StatusConflict
	}
	return http.StatusServiceUnavailable
}

// Alert carries an order about alerts out on a data directory: through the socket while serve runs there, else with the journal's lock.
// The error is a *RefusedError where rules stand against it.
func Alert(ctx context.Context, dir string, cfg config.Config, o AlertOrder) (answer AlertAnswer, err error) {
	if err := mustExist(dir); err != nil {
		return answer, err
	}
	if err = askMuch(ctx, dir, "/v1/alert/"+o.Do, o, &answer); !errors.Is(err, errNoServe) {
		return answer, err
	}
	t, by, err := openTruthFor(ctx, TruthOptions{Dir: dir}, "alert "+o.Do)
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	view, err := detect.OpenReader(ctx, dir)
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	var texts ruleTexts
	if found, err := detections(cfg.Detect, nil, t.log); err == nil { // without its texts an alert is shown all the same
		texts.use(found.Rules)
	}
	k, err := alert.OpenKeeper(ctx, dir, cfg.Alerts, alert.Deps{Firings: firings(func(context.Context) (*detect.View, error) { return view, nil }), Rule: texts.rule,
		Book: t.alerts, Acts: t.Acts, Door: t.Door, Key: *t.stateKey})
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	answer, err = t.alert(ctx, k, by, o)
	if status := alertStatus(err); err != nil && status != http.StatusServiceUnavailable {
		err = &RefusedError{Status: status, Text: err.Error()}
	}
	return answer, err
}
