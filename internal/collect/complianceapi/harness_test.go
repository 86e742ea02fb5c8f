package complianceapi_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/own"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/secret"
)

// noContent keeps nothing: what a test of the feed asks for is in the records.
type noContent struct{}

func (noContent) Put(_ context.Context, blocks []content.Block) ([]content.Address, error) {
	return make([]content.Address, len(blocks)), nil
}

// bench is a real journal, a vendor, and a collector between them that can crash.
type bench struct {
	t       testing.TB
	vendor  *vendor
	journal *journal.Journal
	door    *intake.Door
	health  *health.Registry
	key     string
	maxBody int64
	log     bytes.Buffer
	commit  time.Duration // what it takes to make rows durable
	changes atomic.Int64  // of settings that it was told of
	newest  atomic.Int64  // when the newest activity occurred that is durable, Unix nanoseconds

	client    *api.Client // of the last run
	collector *complianceapi.Collector
}

// open opens the journal. Call it within the bubble of the test.
func open(t testing.TB, v *vendor) *bench {
	t.Helper()
	j, err := journal.Open(context.Background(), t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := capture.New(capture.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, j.Close()); err != nil {
			t.Error(err)
		}
	})
	return &bench{t: t, vendor: v, journal: j, door: intake.New(j, noContent{}, policy, []byte("a key of the test's own")), health: &health.Registry{}, key: key}
}

// run starts a collector and returns what stops it. crash, where given, decides at each step whether it goes on.
func (b *bench) run(cfg complianceapi.Config, crash *crashtest.Crash) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var door complianceapi.Door = watchedDoor{b}
	var transport http.RoundTripper = b.vendor
	if crash != nil {
		crash.Cancel = cancel
		door, transport = crashtest.Door{Door: b.door, Crash: crash}, crashtest.Transport{Next: b.vendor, Crash: crash}
	}
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	calls, err := own.New(own.Config{Host: "vendor.example", Version: "test"}, own.Deps{Door: door, Logger: log, Health: b.health})
	if err != nil {
		b.t.Fatal(err)
	}
	client, err := api.New(api.Options{
		URL: "https://vendor.example", Transport: transport, MaxBody: b.maxBody, UserAgent: "tripod/test",
		Key:  func(context.Context) (secret.String, error) { return secret.New(b.key), nil },
		Name: calls.Name, Observe: calls.Observe, KeyLoaded: calls.KeyLoaded,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.client = client
	c, err := complianceapi.New(cfg, complianceapi.Deps{SettingChanged: func() { b.changes.Add(1) }, Client: client, Door: door, Cursors: b.journal, Health: b.health, Logger: log})
	if err != nil {
		b.t.Fatal(err)
	}
	b.collector = c
	done, ended := make(chan error, 1), make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	all, end := context.WithCancel(context.Background())
	go func() { ended <- calls.Run(all) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
		end()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	}
}

// watchedDoor notes what went through it.
type watchedDoor struct{ b *bench }

func (d watchedDoor) Submit(ctx context.Context, del intake.Delivery) (intake.Receipt, error) {
	newest := d.b.newest.Load()
	for i := range del.Drafts {
		newest = max(newest, del.Drafts[i].Record.Occurred.UnixNano())
	}
	if len(del.Drafts) > 0 {
		time.Sleep(d.b.commit)
	}
	r, err := d.b.door.Submit(ctx, del)
	if err == nil {
		d.b.newest.Store(newest)
	}
	return r, err
}

func (d watchedDoor) Record(ctx context.Context, a intake.Act, cursors map[string][]byte) (uint64, error) {
	return d.b.door.Record(ctx, a, cursors)
}

// records reads the journal.
func (b *bench) records() []*audit.Record {
	b.t.Helper()
	var list []*audit.Record
	for s, err := range b.journal.Reader().Scan(context.Background(), 1, 0) {
		if err != nil {
			b.t.Fatal(err)
		}
		r, err := s.Record()
		if err != nil {
			b.t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}

// ids are those of the activities in the journal, sorted, each as often as it is there.
func (b *bench) ids() []string {
	var ids []string
	for _, r := range b.records() {
		if r.Source == audit.SourceComplianceActivity {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// own are Tripod's own records of a type.
func (b *bench) own(typ string) []*audit.Record {
	var list []*audit.Record
	for _, r := range b.records() {
		if r.Source == audit.SourceTripod && r.Type == typ {
			list = append(list, r)
		}
	}
	return list
}

func attr(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Text()
}

// raised are the codes of the conditions.
func (b *bench) raised() []string {
	var codes []string
	for _, c := range b.health.Conditions() {
		codes = append(codes, c.Code)
	}
	return codes
}
