package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/lifecycle/countdown"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// HoldOrder is what somebody wants of holds: all of them, or a step with one.
type HoldOrder struct {
	// Do is list, show, set, ask-release, keep or release.
	Do     string       `json:"do"`
	Hold   string       `json:"hold,omitempty"`
	Reason string       `json:"reason,omitempty"`
	New    hold.NewHold `json:"new,omitzero"`
}

// Hold carries an order about holds out and returns those it is about, the latest first.
func (t *Truth) Hold(ctx context.Context, by *access.Person, o HoldOrder) ([]hold.Hold, error) {
	if o.Do == "list" {
		return t.Holds.List(ctx, by)
	}
	if o.Do != "show" && t.Refused != nil {
		return nil, t.Refused
	}
	var h hold.Hold
	var err error
	switch o.Do {
	case "show":
		h, err = t.Holds.Show(ctx, by, o.Hold)
	case "set":
		h, err = t.Holds.Set(ctx, by, o.New)
	case "ask-release":
		h, err = t.Holds.AskRelease(ctx, by, o.Hold, o.Reason)
	case "keep":
		h, err = t.Holds.Keep(ctx, by, o.Hold, o.Reason)
	case "release":
		h, err = t.Holds.Release(ctx, by, o.Hold, o.Reason)
	default:
		return nil, fmt.Errorf("holds are not for %q", o.Do)
	}
	if err != nil {
		return nil, err
	}
	return []hold.Hold{h}, nil
}

// holdSteps are the commands of holds.
var holdSteps = []string{"list", "show", "set", "ask-release", "keep", "release"}

// RetentionAnswer is what a command of retention prints.
type RetentionAnswer struct {
	Classes []retention.Class  `json:"classes,omitempty"`
	Plan    *retention.Plan    `json:"plan,omitempty"`
	Purged  []retention.Purged `json:"purged,omitempty"`
	More    bool               `json:"more,omitempty"` // a purge did not come to the end
	// Countdowns are where evidence disappears elsewhere.
	Countdowns *countdown.Report `json:"countdowns,omitempty"`
}

// retentionSteps are the commands of retention.
var retentionSteps = []string{"list", "plan", "purge", "countdowns"}

// Retain answers or carries out a command of retention.
func (t *Truth) Retain(ctx context.Context, by audit.Identity, do string) (a RetentionAnswer, err error) {
	switch do {
	case "list":
		a.Classes = t.Retention.Classes()
	case "plan":
		a.Plan, err = t.Retention.Plan(ctx)
	case "purge":
		if t.Refused != nil {
			return a, t.Refused
		}
		a.Purged, a.More, err = t.Retention.Purge(ctx, by)
	}
	return a, err
}

// countdowns tells where evidence disappears, where no serve runs.
func (t *Truth) countdowns(ctx context.Context) (report *countdown.Report, err error) {
	r, err := OpenReading(ctx, t.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return countdown.Find(ctx, countdown.Deps{Reader: r.Reader, Content: t.Content.Reader()}, t.classes.Config().Warning())
}

// handleLifecycle adds the commands of holds and of retention to the socket.
func handleLifecycle(a *App, handle func(pattern string, h http.HandlerFunc, commands ...string)) {
	for _, do := range holdSteps {
		handle("POST /v1/hold/"+do, func(w http.ResponseWriter, r *http.Request) { serveHold(w, r, a, do) }, "hold "+do)
	}
	for _, do := range retentionSteps {
		handle("POST /v1/retention/"+do, func(w http.ResponseWriter, r *http.Request) { serveRetention(w, r, a, do) }, "retention "+do)
	}
}

func serveHold(w http.ResponseWriter, r *http.Request, a *App, do string) {
	var o HoldOrder
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 256<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		http.Error(w, "hold: "+err.Error(), http.StatusBadRequest)
		return
	}
	o.Do = do
	list, err := a.truth.Hold(r.Context(), personOf(r), o)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}

func serveRetention(w http.ResponseWriter, r *http.Request, a *App, do string) {
	var answer RetentionAnswer
	var err error
	if do == "countdowns" {
		answer.Countdowns, err = a.vanishing.Look(r.Context())
	} else {
		answer, err = a.truth.Retain(r.Context(), personOf(r).Identity(), do)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func refuse(w http.ResponseWriter, err error) {
	status := holdStatus(err)
	if status == http.StatusInternalServerError {
		status = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), status)
}

// holdStatus puts why holds or retention refused into a status.
func holdStatus(err error) int {
	switch {
	case errors.Is(err, access.ErrForbidden), errors.Is(err, hold.ErrPerson):
		return http.StatusForbidden
	case errors.Is(err, hold.ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, hold.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, hold.ErrState), kept(err):
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

// askMuch is ask for answers that may be long.
func askMuch(ctx context.Context, dir, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	return stream(ctx, dir, path, bytes.NewReader(body), func(r io.Reader) error {
		if err := json.NewDecoder(io.LimitReader(r, 64<<20)).Decode(answer); err != nil {
			return fmt.Errorf("ask serve: %w", err)
		}
		return nil
	})
}

// Hold carries an order about holds out on a data directory: through the socket while serve runs there, else with the journal's
// lock and by the configuration that the context names. The error is a *RefusedError where rules stand against it.
func Hold(ctx context.Context, dir string, o HoldOrder) (list []hold.Hold, err error) {
	if err := mustExist(dir); err != nil {
		return nil, err
	}
	err = askMuch(ctx, dir, "/v1/hold/"+o.Do, o, &list)
	if !errors.Is(err, errNoServe) {
		return list, err
	}
	t, by, err := openTruthFor(ctx, TruthOptions{Dir: dir}, "hold "+o.Do)
	if err != nil {
		return nil, err
	}
	list, err = t.Hold(ctx, by, o)
	if status := holdStatus(err); err != nil && status != http.StatusInternalServerError {
		err = &RefusedError{Status: status, Text: err.Error()}
	}
	return list, errors.Join(err, t.Close(ctx))
}

// Retention asks about retention: the serve that runs on a data directory, else with the journal's lock and by the classes that
// are on record there.
func Retention(ctx context.Context, dir, do string) (a RetentionAnswer, err error) {
	if err := mustExist(dir); err != nil {
		return a, err
	}
	if err = askMuch(ctx, dir, "/v1/retention/"+do, struct{}{}, &a); !errors.Is(err, errNoServe) {
		return a, err
	}
	t, by, err := openTruthFor(ctx, TruthOptions{Dir: dir}, "retention "+do)
	if err != nil {
		return a, err
	}
	if do == "countdowns" {
		a.Countdowns, err = t.countdowns(ctx)
	} else {
		a, err = t.Retain(ctx, by.Identity(), do)
	}
	return a, errors.Join(err, t.Close(ctx))
}
