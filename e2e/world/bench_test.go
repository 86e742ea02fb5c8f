package world

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/secret"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// stand is a receiver with what writes behind it, on a directory of its own, and a credential for each device.
type stand struct {
	dir        string
	truth      *app.Truth
	http, grpc string
	tokens     map[*world.Device]secret.String
}

func newStand(t *testing.T, w *world.World) *stand {
	t.Helper()
	s := &stand{dir: t.TempDir(), tokens: map[*world.Device]secret.String{}}
	var err error
	if s.truth, err = app.OpenTruth(t.Context(), app.TruthOptions{Dir: s.dir, Capture: capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}}); err != nil {
		t.Fatal(err)
	}
	var accepted []credential.Token
	for _, d := range w.Devices {
		s.tokens[d] = secret.New(rand.Text())
		proves := audit.Identity{Email: d.Owner.Email, Device: d.ID}
		if d.Owner.Service {
			proves = audit.Identity{Service: d.Owner.Name, Device: d.ID}
		}
		accepted = append(accepted, credential.Token{Name: d.Name, Token: s.tokens[d], Proves: proves})
	}
	receiver, err := otlp.New(otlp.Config{HTTPAddr: "127.0.0.1:0", GRPCAddr: "127.0.0.1:0", Tokens: accepted},
		otlp.Deps{Door: s.truth.Door, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- receiver.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, s.truth.Drain(context.Background()), s.truth.Close(context.Background())); err != nil {
			t.Error(err)
		}
	})
	if s.http, s.grpc, err = receiver.Addrs(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.http = "http://" + s.http
	return s
}

// play delivers a stretch of the world.
func (s *stand) play(t *testing.T, w *world.World, from, to time.Time, faults fleet.Faults) fleet.Report {
	t.Helper()
	f, err := fleet.New(fleet.Config{
		World: w, Org: &w.Org, HTTP: s.http, GRPC: s.grpc, Faults: faults, Logger: slog.New(slog.DiscardHandler),
		Token: func(d *world.Device) secret.String { return s.tokens[d] },
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := f.History(t.Context(), from, to)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if len(report.Refused) > 0 {
		t.Fatalf("%d exports were refused, the first one because of %s", len(report.Refused), report.Refused[0].Reason)
	}
	return report
}

// records reads the whole journal.
func (s *stand) records(t *testing.T) []*audit.Record {
	t.Helper()
	j := s.truth.Journal.Reader()
	last, err := j.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	list := make([]*audit.Record, 0, last)
	for stored, err := range j.Scan(t.Context(), 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := stored.Record()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// discrepancies are those that the whole journal shows.
func (s *stand) discrepancies(t *testing.T) []correlate.Discrepancy {
	t.Helper()
	if err := correlate.Rebuild(t.Context(), s.dir, s.truth.Journal.Reader(), nil); err != nil {
		t.Fatal(err)
	}
	v, err := correlate.OpenReader(t.Context(), s.dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := v.List(t.Context(), correlate.Filter{State: "open", Limit: -1})
	if err := errors.Join(err, v.Close()); err != nil {
		t.Fatal(err)
	}
	return list
}
