package world

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/secret"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
	"github.com/tripod-audit/tripod/internal/simulate/modelclient"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// through plays a stretch of the world's model traffic through the gateway of a whole serve, and reads what is in its journal
// after an orderly stop.
func through(t *testing.T, w *world.World, from, to time.Time, mode string) (modelclient.Report, []*audit.Record) {
	t.Helper()
	model, clock := modelclient.NewModel(), &modelclient.Clock{}
	api, err := messagesapi.Listen(t.Context(), "127.0.0.1:0", messagesapi.Options{Choose: model.Choose})
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	dir, free, none := t.TempDir(), "127.0.0.1:0", ""
	cfg.Override(config.Overrides{Data: &dir, ListenConsole: &free, ListenOTLPHTTP: &none, ListenOTLPGRPC: &none, ListenGateway: &free})
	cfg.Capture = capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}
	cfg.Gateway.Upstream, cfg.Policy.Mode = api.URL(), policy.Mode(mode)
	tokens := map[*world.Device]secret.String{}
	var callers []credential.Token
	for _, d := range w.Devices {
		tokens[d] = secret.New("token of " + d.Name)
		callers = append(callers, credential.Token{Name: d.Name, Token: tokens[d], Proves: audit.Identity{Email: d.Owner.Email, Device: d.ID}})
	}
	a, err := app.New(t.Context(), app.Options{Config: cfg, Version: "test", Logger: slog.New(slog.DiscardHandler), Callers: callers, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- api.Run(ctx) }()
	serving, stopServing := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- a.Run(serving) }()
	<-a.Ready()
	addrs, err := app.ReadAddrs(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := modelclient.New(modelclient.Config{
		World: w, Model: model, Clock: clock, URL: addrs.Gateway, Header: caller.Header, Settle: a.Settle, Logger: slog.New(slog.DiscardHandler),
		Token: func(d *world.Device) secret.String {
			if s, ok := tokens[d]; ok {
				return s
			}
			return tokens[d.Owner.Devices[0]]
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	report, err := c.History(t.Context(), from, to)
	t.Logf("%+v in %s", report, time.Since(began))
	c.Close()
	stopServing()
	err = errors.Join(err, <-served)
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	return report, journalOf(t, dir)
}

// journalOf reads a journal that nobody writes to.
func journalOf(t *testing.T, dir string) []*audit.Record {
	t.Helper()
	truth, err := app.OpenTruth(t.Context(), app.TruthOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	list := (&stand{truth: truth}).records(t)
	if err := truth.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestGatewayTruth: of every act that the gateway should see there are the records it should leave, at its time and under its
// keys, each once; and none of anything else. Retries are exchanges of their own.
func TestGatewayTruth(t *testing.T) {
	modes := []string{"enforce", "observe"}
	if testing.Short() {
		modes = modes[:1]
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := world.New(world.Options{Seed: 1})
			from, to := week(t, 1)
			report, records := through(t, w, from, to, mode)
			if report.Failed+report.Refused > 0 {
				t.Errorf("%+v", report)
			}
			s := seenBy(w, from, to)
			s.read(t, records)
			s.check(t)
		})
	}
}

// left is what the gateway's records say of one request of the world.
type left struct {
	Requests, Ends, Replies int
	Calls                   []string
	Session, Agent          string
}

// seen is what the gateway should see of a stretch of the world, and what it saw.
type seen struct {
	acts      map[string]*world.Act // by request
	exchanges int                   // tries counted
	calls     map[string]bool       // tool uses that came to something

	got     map[string]*left // by request
	prompts int
	results map[string]bool // tool uses
	ends    int
}

func seenBy(w *world.World, from, to time.Time) *seen {
	s := &seen{acts: map[string]*world.Act{}, calls: map[string]bool{}, got: map[string]*left{}, results: map[string]bool{}}
	all := w.Between(from, to.Add(time.Hour)) // what was asked for may have been done after the end
	for i := range all {
		a := &all[i]
		if a.Kind == world.ToolCall {
			s.calls[a.Keys.ToolUse] = true
		}
		if a.At.Before(to) && (a.Process == nil || !a.Process.Start.Before(from)) && slices.Contains(a.Seen, audit.SourceGatewayLLM) {
			s.acts[a.Keys.Request] = a
			s.exchanges += max(1, a.Request.Attempt)
		}
	}
	return s
}

// read takes in what the gateway left on record.
func (s *seen) read(t *testing.T, records []*audit.Record) {
	t.Helper()
	request := map[string]string{} // of an exchange
	for _, r := range records {
		if r.Source == audit.SourceGatewayLLM && r.Type == "llm.end" {
			request[r.Keys.Body] = r.Keys.Request
		}
	}
	for _, r := range records {
		if r.Source != audit.SourceGatewayLLM {
			continue
		}
		s.count(t, r)
		if a := s.acts[request[r.Keys.Body]]; a != nil {
			s.attribute(t, a, r)
		} else if r.Type == "llm.end" && r.Outcome == audit.OutcomeSuccess {
			t.Errorf("request %s was answered and did not happen", request[r.Keys.Body])
		}
	}
}

func (s *seen) count(t *testing.T, r *audit.Record) {
	t.Helper()
	switch r.Type {
	case "llm.end":
		s.ends++
	case "llm.prompt":
		s.prompts++
	case "llm.tool_result":
		if use := r.Keys.ToolUse; s.results[use] || !s.calls[use] {
			t.Errorf("the result of %s is on record twice, or is of no call", use)
		}
		s.results[r.Keys.ToolUse] = true
	}
}

// attribute adds a record to what is known of its act.
func (s *seen) attribute(t *testing.T, a *world.Act, r *audit.Record) {
	t.Helper()
	id := a.Keys.Request
	if s.got[id] == nil {
		s.got[id] = &left{Session: r.Keys.Session, Agent: r.Keys.Agent}
	}
	if begun := a.At.Add(-a.Request.Duration); r.Occurred.Before(begun.Add(-time.Millisecond)) || r.Occurred.After(a.At.Add(time.Millisecond)) {
		t.Errorf("%s of %s occurred at %s, the act from %s to %s", r.Type, id, r.Occurred, begun, a.At)
	}
	switch l := s.got[id]; r.Type {
	case "llm.request":
		l.Requests++
	case "llm.end":
		l.Ends++
	case "llm.response":
		l.Replies++
	case "llm.tool_call":
		l.Calls = append(l.Calls, r.Keys.ToolUse)
	}
}

// check holds what it saw against what it should have seen.
func (s *seen) check(t *testing.T) {
	t.Helper()
	if s.ends != s.exchanges {
		t.Errorf("%d exchanges ended, want %d", s.ends, s.exchanges)
	}
	for id, a := range s.acts {
		got := s.got[id]
		if a.Process == nil && got != nil {
			got.Session = "" // who sends none is given one
		}
		if diff := cmp.Diff(s.want(a), got); diff != "" {
			t.Errorf("%s (%s, %s) (-want +got):\n%s", id, a.ID, a.At, diff)
		}
	}
	if s.prompts < 100 || len(s.results) < 300 || len(s.acts) < 300 {
		t.Errorf("%d prompts, %d results, %d acts", s.prompts, len(s.results), len(s.acts))
	}
}

// want is what an act should leave.
func (s *seen) want(a *world.Act) *left {
	l := &left{Requests: 1, Ends: 1, Agent: a.Keys.Agent}
	if a.Process != nil {
		l.Session = a.Keys.Session
		if a.Process.Client.Version < "2.1" {
			l.Agent = "" // such a client sends no agent ids
		}
	}
	if a.Request.Text != "" && a.Request.Status == 0 {
		l.Replies = 1
	}
	for _, use := range a.Request.ToolUses {
		if s.calls[use] {
			l.Calls = append(l.Calls, use)
		}
	}
	if h := a.Request.Withheld; h != nil {
		l.Calls = append(l.Calls, h.ToolUse)
	}
	return l
}
