package content_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/content"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	store "github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/secret"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

func noon() time.Time { return time.Date(2026, 11, 19, 15, 0, 0, 0, time.UTC) }

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// blocks is a content store in memory: how often each content was put, by container.
type blocks struct {
	mu  sync.Mutex
	put map[string]int
}

func (b *blocks) Put(_ context.Context, list []store.Block) ([]store.Address, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	addresses := make([]store.Address, len(list))
	for i := range list {
		b.put[list[i].Container+" "+string(list[i].Plaintext)]++
		addresses[i] = store.Address("somewhere")
	}
	return addresses, nil
}

func (b *blocks) copy() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.put)
}

// bench is a simulated vendor, a real journal and what lies between them.
type bench struct {
	t       *testing.T
	api     *simulated.API
	clock   *clock
	journal *journal.Journal
	door    *intake.Door
	blocks  *blocks
	health  *health.Registry

	shared   *api.Client // of the collector that runs
	answered func(*http.Response)
	// committing sees the cursors of each commit.
	committing func(map[string][]byte)

	mu     sync.Mutex
	key    string
	paths  []string // asked of the vendor
	inject func(*http.Request) *http.Response
}

// everything keeps all content, as a policy that somebody chose.
func everything() capture.Config {
	return capture.Config{Rules: []capture.Rule{{Plane: []audit.Plane{audit.PlaneControl}, Keep: audit.ClassText}}}
}

// textOf keeps all content of one source and names of nothing else.
func textOf(s audit.Source) capture.Config {
	return capture.Config{Rules: []capture.Rule{{Source: []audit.Source{s}, Keep: audit.ClassText}}}
}

func open(t *testing.T, policy capture.Config, o simulated.Options) *bench {
	t.Helper()
	c := &clock{t: noon()}
	b := openAt(t, policy, o, c.now)
	b.clock = c
	return b
}

func openAt(t *testing.T, policy capture.Config, o simulated.Options, now func() time.Time) *bench {
	t.Helper()
	b := &bench{t: t, blocks: &blocks{put: map[string]int{}}, health: &health.Registry{}}
	if o.World == nil {
		o.World = world.New(world.Options{Seed: 7})
	}
	o.Now = now
	if o.Since.IsZero() {
		o.Since = now().AddDate(0, 0, -1).Truncate(24 * time.Hour)
	}
	if o.Rate == 0 {
		o.Rate, o.RemoteRate = 10_000_000, 10_000_000 // the client keeps to what the vendor tells
	}
	var err error
	if b.api, err = simulated.New(o); err != nil {
		t.Fatal(err)
	}
	if b.journal, err = journal.Open(context.Background(), t.TempDir(), journal.Options{}); err != nil {
		t.Fatal(err)
	}
	b.use(b.api.Keys().Read)
	b.keep(policy)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.journal.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, b.journal.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// use puts a key where the client looks for it.
func (b *bench) use(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.key = key
}

func (b *bench) keyInUse() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.key
}

// keep puts a capture policy in force.
func (b *bench) keep(policy capture.Config) {
	b.t.Helper()
	p, err := capture.New(policy)
	if err != nil {
		b.t.Fatal(err)
	}
	b.door = intake.New(b.journal, b.blocks, p, []byte("a key of the test's own"))
}

// RoundTrip has the vendor answer without a network.
func (b *bench) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.paths = append(b.paths, r.URL.Path)
	inject := b.inject
	b.mu.Unlock()
	if inject != nil {
		if res := inject(r); res != nil {
			return res, nil
		}
	}
	w := httptest.NewRecorder()
	b.api.Handler().ServeHTTP(w, r)
	res := w.Result()
	if res.Request = r; b.answered != nil {
		b.answered(res)
	}
	return res, nil
}

// asked counts the requests whose path holds for f.
func (b *bench) asked(f func(path string) bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.paths {
		if f(p) {
			n++
		}
	}
	return n
}

func (b *bench) client(transport http.RoundTripper) *api.Client {
	b.t.Helper()
	c, err := api.New(api.Options{
		URL: "https://vendor.example", Transport: transport, UserAgent: "tripod/test", Attempts: 2,
		Key: func(context.Context) (secret.String, error) { return secret.New(b.keyInUse()), nil },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// run starts a collector and returns what waits until all that was due is read, and what stops it. crash,
// where given, decides at each step whether it goes on.
func (b *bench) run(cfg content.Config, crash *crashtest.Crash) (settled func() bool, stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := &door{Door: crashtest.Door{Door: b.door, Crash: crash}, committing: b.committing}
	deps := content.Deps{Door: d, Cursors: b.journal, Health: b.health, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	var transport http.RoundTripper = b
	if crash != nil {
		crash.Cancel = cancel
		transport = crashtest.Transport{Next: b, Crash: crash}
	}
	deps.Client = b.client(transport)
	b.shared = deps.Client
	if _, err := deps.Client.LocalSessions(ctx, time.Time{}, 1, "", api.Feed); err != nil && crash == nil { // what time it is
		b.t.Log(err)
	}
	c, err := content.New(cfg, deps)
	if err != nil {
		b.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	}
	settled = func() bool {
		select {
		case <-c.CaughtUp():
			return true
		case <-ctx.Done():
			return false
		}
	}
	return settled, stop
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

// door sees the cursors of each commit, and can crash.
type door struct {
	crashtest.Door
	committing func(map[string][]byte)
}

func (d *door) sees(cursors map[string][]byte) {
	if d.committing != nil {
		d.committing(cursors)
	}
}

func (d *door) Submit(ctx context.Context, del intake.Delivery) (intake.Receipt, error) {
	d.sees(del.Cursors)
	return d.Door.Submit(ctx, del)
}

func (d *door) Record(ctx context.Context, a intake.Act, cursors map[string][]byte) (uint64, error) {
	d.sees(cursors)
	return d.Door.Record(ctx, a, cursors)
}
