// Package sweeptest is the bench on which the parts that are swept are tested: a real journal, a vendor in memory, and a
// process between them that can crash between any two steps.
//
// It promises nothing about durability; what it does happens in the order in which the test asks for it. A Bench is used
// within one bubble of testing/synctest and not for concurrent use.
package sweeptest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Bench is a journal and a vendor.
type Bench struct {
	t       testing.TB
	Vendor  http.Handler
	Key     string
	Journal *journal.Journal
	Door    *intake.Door
	Pieces  []content.Block // what was handed to the content store
	Health  *health.Registry
	Log     bytes.Buffer
	pieces  sync.Mutex
	kept    []*audit.Record
}

// Open opens the journal. Call it within the bubble of the test.
func Open(t testing.TB, vendor http.Handler, key string) *Bench {
	t.Helper()
	j, err := journal.Open(context.Background(), t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := capture.New(capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
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
	b := &Bench{t: t, Vendor: vendor, Key: key, Journal: j, Health: &health.Registry{}}
	b.Door = intake.New(j, contents{b}, policy, []byte("a key of the test's own"))
	return b
}

// contents notes what is handed over and keeps none.
type contents struct{ b *Bench }

func (c contents) Put(_ context.Context, blocks []content.Block) ([]content.Address, error) {
	c.b.pieces.Lock()
	defer c.b.pieces.Unlock()
	for _, b := range blocks {
		b.Plaintext = bytes.Clone(b.Plaintext)
		c.b.Pieces = append(c.b.Pieces, b)
	}
	return make([]content.Address, len(blocks)), nil
}

// Runner is a collector.
type Runner interface {
	Run(ctx context.Context) error
}

// Run starts a collector and returns what stops it. crash, where given, decides at each step whether it goes on.
func (b *Bench) Run(crash *crashtest.Crash, build func(sweep.Deps) (Runner, error)) (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	deps := sweep.Deps{Door: b.Door, Cursors: b.Journal, Health: b.Health, Logger: slog.New(slog.NewTextHandler(&b.Log, nil))}
	var transport http.RoundTripper = memory{b}
	if crash != nil {
		crash.Cancel = cancel
		deps.Door, transport = crashtest.Door{Door: b.Door, Crash: crash}, crashtest.Transport{Next: transport, Crash: crash}
	}
	client, err := api.New(api.Options{
		URL: "https://vendor.example", Transport: transport, UserAgent: "tripod/test",
		Key: func(context.Context) (secret.String, error) { return secret.New(b.Key), nil },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	deps.Client = client
	c, err := build(deps)
	if err != nil {
		b.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	return func() {
		b.t.Helper()
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	}
}

// memory answers requests with the vendor's handler.
type memory struct{ b *Bench }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	aborted := m.serve(w, r)
	res := w.Result()
	if aborted {
		res.Body = io.NopCloser(io.MultiReader(w.Body, iotest.ErrReader(io.ErrUnexpectedEOF)))
	}
	return res, nil
}

// serve reports whether the vendor broke its answer off, as a handler of net/http does.
func (m memory) serve(w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(p)
		}
	}()
	m.b.Vendor.ServeHTTP(w, r)
	return false
}

// Records reads the journal: those of a source, all of them for "".
func (b *Bench) Records(source audit.Source) []*audit.Record {
	b.t.Helper()
	list := b.kept
	if list == nil {
		list = b.read()
	}
	return slices.DeleteFunc(slices.Clone(list), func(r *audit.Record) bool { return source != "" && r.Source != source })
}

func (b *Bench) read() (list []*audit.Record) {
	b.t.Helper()
	for s, err := range b.Journal.Reader().Scan(context.Background(), 1, 0) {
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

// Keep reads the journal for the last time: what Records tells from then on can be read after the bubble has ended.
func (b *Bench) Keep() { b.kept = b.read() }

// Attr is the text of an attribute of a record.
func Attr(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Text()
}
