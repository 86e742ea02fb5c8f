package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/config"
)

// CaseOrder is what somebody does about a case from the command line.
type CaseOrder struct {
	Do        string            `json:"do"` // the last words of the command: "open", "break-glass", …; "read" for content
	Case      string            `json:"case,omitempty"`
	Grant     string            `json:"grant,omitempty"`
	Record    uint64            `json:"record,omitempty"`
	New       *casebook.NewCase `json:"new,omitempty"`
	Ask       *casebook.Ask     `json:"ask,omitempty"`
	Who       casebook.Ref      `json:"who,omitzero"`
	Terms     string            `json:"terms,omitempty"` // "" for those that stand now
	Note      string            `json:"note,omitempty"`
	Justified bool              `json:"justified,omitempty"`
}

// CaseAnswer is what became of it; what does not belong to the order is empty.
type CaseAnswer struct {
	Case    *casebook.Case   `json:"case,omitempty"`
	Cases   []casebook.Case  `json:"cases,omitempty"`
	Grant   *casebook.Grant  `json:"grant,omitempty"`
	Grants  []casebook.Grant `json:"grants,omitempty"`
	Approve []casebook.Grant `json:"approve,omitempty"` // that wait for who asks
	Review  []casebook.Grant `json:"review,omitempty"`
	Pieces  []casebook.Piece `json:"pieces,omitempty"`
}

// caseClerk carries orders out.
type caseClerk struct {
	desk   *casebook.Desk
	signIn *signin.Service
}

// command is the words of the table that an order stands for.
func (o *CaseOrder) command() string {
	if o.Do == "read" {
		return "record --content"
	}
	return "case " + o.Do
}

// caseCommands are those that orders stand for.
func caseCommands() []string {
	var list []string
	for _, do := range []string{"open", "list", "show", "close", "join", "leave", "request", "approve", "deny", "withdraw", "break-glass", "review", "read"} {
		list = append(list, (&CaseOrder{Do: do}).command())
	}
	return list
}

// carry carries an order out for somebody who may give it.
func (k *caseClerk) carry(ctx context.Context, by *access.Person, o *CaseOrder) (*CaseAnswer, error) {
	if !slices.Contains(caseCommands(), o.command()) {
		return nil, fmt.Errorf("%w: there is no command %q", casebook.ErrInvalid, o.command())
	}
	if err := permitted(k.signIn, by, o.command()); err != nil {
		return nil, asForbidden(err)
	}
	return k.do(ctx, by, o)
}

func (k *caseClerk) do(ctx context.Context, by *access.Person, o *CaseOrder) (*CaseAnswer, error) {
	var a CaseAnswer
	var c casebook.Case
	var g casebook.Grant
	var err error
	switch d := k.desk; o.Do {
	case "open":
		if o.New == nil {
			return nil, fmt.Errorf("%w: no case", casebook.ErrInvalid)
		}
		c, err = d.Open(ctx, by, *o.New)
	case "close":
		c, err = d.Close(ctx, by, o.Case, o.Note)
	case "join":
		c, err = d.Join(ctx, by, o.Case, o.Who)
	case "leave":
		c, err = d.Leave(ctx, by, o.Case, o.Who)
	case "list":
		if a.Cases, err = d.List(ctx, by); err == nil {
			a.Approve, a.Review, err = d.Waiting(ctx, by)
		}
	case "show":
		c, a.Grants, err = d.Show(ctx, by, o.Case)
	case "request", "break-glass":
		if o.Ask == nil {
			return nil, fmt.Errorf("%w: nothing is asked for", casebook.ErrInvalid)
		}
		ask := d.Request
		if o.Do == "break-glass" {
			ask = d.BreakGlass
		}
		g, err = ask(ctx, by, *o.Ask)
	case "approve":
		if o.Terms == "" {
			o.Terms = k.terms(ctx, by, o.Grant)
		}
		g, err = d.Approve(ctx, by, o.Grant, o.Terms, o.Note)
	case "deny":
		g, err = d.Deny(ctx, by, o.Grant, o.Note)
	case "withdraw":
		g, err = d.Withdraw(ctx, by, o.Grant, o.Note)
	case "review":
		g, err = d.Review(ctx, by, o.Grant, o.Justified, o.Note)
	case "read":
		a.Pieces, err = d.Read(ctx, by, o.Grant, o.Record)
	default:
		err = fmt.Errorf("%w: there is no command %q", casebook.ErrInvalid, o.command())
	}
	if err != nil {
		return nil, err
	}
	if c.ID != "" {
		a.Case = &c
	}
	if g.ID != "" {
		a.Grant = &g
	}
	return &a, nil
}

// terms are those of a request that waits for somebody, as it stands: what was asked for does not change.
func (k *caseClerk) terms(ctx context.Context, by *access.Person, grant string) string {
	waiting, _, err := k.desk.Waiting(ctx, by)
	i := slices.IndexFunc(waiting, func(g casebook.Grant) bool { return g.ID == grant })
	if err != nil || i < 0 {
		return ""
	}
	return waiting[i].Terms
}

func serveCase(w http.ResponseWriter, r *http.Request, a *App) {
	var order CaseOrder
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&order); err != nil {
		http.Error(w, "case: "+err.Error(), http.StatusBadRequest)
		return
	}
	if a.truth.Refused != nil {
		http.Error(w, a.truth.Refused.Error(), http.StatusServiceUnavailable)
		return
	}
	ctx := r.Context()
	if order.Do != "read" {
		ctx = context.WithoutCancel(ctx) // once ordered it is carried through
	}
	answer, err := (&caseClerk{a.desk, a.signIn}).carry(ctx, personOf(r), &order)
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// statusOf puts why somebody was refused into a status.
func statusOf(err error) int {
	switch {
	case errors.Is(err, casebook.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, casebook.ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, access.ErrForbidden), errors.Is(err, signin.ErrOver):
		return http.StatusForbidden
	case errors.Is(err, casebook.ErrOver):
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

// Case carries an order about a case out on a data directory: through the socket while serve runs there, else with the
// journal's lock and by the configuration that load reads. The error is a *RefusedError where rules or roles stand against it.
func Case(ctx context.Context, dir string, load func() (config.Config, error), o CaseOrder) (*CaseAnswer, error) {
	if err := mustExist(dir); err != nil {
		return nil, err
	}
	var answer CaseAnswer
	err := ask(ctx, dir, "/v1/case", o, &answer)
	if !errors.Is(err, errNoServe) {
		return &answer, err
	}
	cfg, err := load()
	if err != nil {
		return nil, err
	}
	a, err := caseHere(ctx, dir, cfg, &o)
	if status := statusOf(err); err != nil && status != http.StatusInternalServerError {
		err = &RefusedError{Status: status, Text: err.Error()}
	}
	return a, err
}

// caseHere carries an order out in this process.
func caseHere(ctx context.Context, dir string, cfg config.Config, o *CaseOrder) (answer *CaseAnswer, err error) {
	log := slog.New(slog.DiscardHandler)
	if !slices.Contains(caseCommands(), o.command()) {
		return nil, fmt.Errorf("%w: there is no command %q", casebook.ErrInvalid, o.command())
	}
	t, by, err := openTruthFor(withAccess(ctx, &cfg.Access), TruthOptions{Dir: dir, Capture: cfg.Capture}, o.command())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	if t.Refused != nil {
		return nil, t.Refused
	}
	r, err := OpenReading(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	signIn, err := newSignIn(ctx, t, cfg.Access, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, signIn.Close()) }()
	desk := t.newDesk(cfg.Cases, r.Reader, log)
	if answer, err = (&caseClerk{desk, signIn}).carry(ctx, by, o); err != nil {
		return nil, err
	}
	if o.Do == "break-glass" {
		_, _ = desk.Settle(ctx) // what cannot be told now is told once serve runs
	}
	return answer, nil
}
