// Package consoletest runs a console over a real journal, ledger, search index and discrepancy view in a temporary
// directory, for the tests of the console and of what is built on it. What is submitted is durable as the journal makes it,
// in the order of the calls. A Bench is for one goroutine; its server is safe for concurrent use.
package consoletest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/follow"
	"github.com/tripod-audit/tripod/internal/search/sqlite"
)

// Bench is a console and all that stands behind it.
type Bench struct {
	T       testing.TB
	Dir     string
	Journal *journal.Journal
	Desk    *casebook.Desk
	// Lifecycle is retention and holds.
	Lifecycle *console.Lifecycle
	Door      *intake.Door
	Ledger    *ledger.Ledger
	Index     *sqlite.Index
	Found     *correlate.View
	Org       *organisation.View
	Fired     *detect.View
	Health    *health.Registry
	// Contents opens content under a grant.
	Contents *content.Reader
	Console  *console.Console
	Acts     *acts.State
	SignIns  *signin.Service
	Server   *httptest.Server
	Client   *http.Client // signed in by SignIn

	// Alerts are those that Fire makes, by Rules.
	Alerts *alert.Outbox
	Rules  map[string]alert.Rule
	fired  Firings

	// RecordError, while set, is what recording the console's own acts fails with.
	RecordError atomic.Pointer[error]
	// Refuse, while set, answers every request with 503.
	Refuse   atomic.Bool
	stateKey [32]byte
	store    *content.Store
	reader   *reading.Reader
	book     *casebook.Book
	decided  *acts.State // cases and holds
	access   signin.Config

	// Clock is what the console takes for the time; nil is the clock.
	Clock atomic.Pointer[time.Time]
}

// Options change what New makes; the zero value is usual.
type Options struct {
	// Capture says what is kept; the zero value is the default.
	Capture capture.Config
	// Cases says how content opens; nil is the default: two people.
	Cases *casebook.Config
	// Retention are the classes in force; none is the default.
	Retention retention.Config
	// Configure changes what the console is given.
	Configure func(*console.Config, *console.Deps)
	// Access changes who signs in.
	Access func(*signin.Config, *signin.Deps)
}

// New starts a bench with an empty journal; it ends with the test.
func New(t testing.TB, o Options) *Bench {
	t.Helper()
	b := &Bench{T: t, Dir: t.TempDir(), Health: new(health.Registry)}
	b.openTruth(o.Capture)
	b.openViews()
	b.book = casebook.NewBook()
	b.Lifecycle = b.openLifecycle(o.Retention)
	b.openAlerts()
	b.openDesk(o.Cases)
	b.openSignIns(o)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.Refuse.Load() {
			http.Error(w, "refused by the test", http.StatusServiceUnavailable)
			return
		}
		b.Console.Handler().ServeHTTP(w, r)
	})
	b.Server = httptest.NewServer(handler)
	t.Cleanup(b.Server.Close)
	jar, err := cookiejar.New(nil)
	must(t, err)
	b.Client = b.Server.Client()
	b.Client.Jar = jar
	b.reader = reading.New(reading.Parts{
		Journal: b.Journal.Reader(), Dir: b.Dir, Serving: true,
		Search:       func(context.Context) (search.Reader, error) { return b.Index, nil },
		Found:        func(context.Context) (reading.Discrepancies, error) { return b.Found, nil },
		Organisation: func(context.Context) (organisation.Reader, error) { return b.Org, nil },
		Detections:   func(context.Context) (detect.Reader, error) { return b.Fired, nil },
	})
	cfg := console.Config{URL: b.Server.URL, Dir: b.Dir, Version: "test"}
	deps := console.Deps{
		SignIn: b.SignIns, Health: b.Health, Contents: b.Contents, Desk: b.Desk, Lifecycle: b.Lifecycle, Alerts: b.Alerts.Keeper, Now: b.now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Reader: b.reader,
		Record: func(ctx context.Context, act intake.Act) error {
			_, err := recorder{b}.Record(ctx, act, nil)
			if err == nil && act.Type == console.TypeExport { // which waits for the search view
				if err := b.index(ctx); err != nil && !errors.Is(err, search.ErrClosed) {
					return err
				}
			}
			return err
		},
	}
	if o.Configure != nil {
		o.Configure(&cfg, &deps)
	}
	b.Console, err = console.New(cfg, deps)
	must(t, err)
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *Bench) now() time.Time {
	if at := b.Clock.Load(); at != nil {
		return *at
	}
	return time.Now()
}

func (b *Bench) openTruth(keep capture.Config) {
	t, ctx := b.T, context.Background()
	t.Helper()
	var err error
	b.Journal, err = journal.Open(ctx, b.Dir, journal.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, b.Journal.Close()) })
	keys, err := keyring.Load(keyring.Config{DataDir: b.Dir, Create: true})
	must(t, err)
	store, err := content.Open(ctx, b.Dir, content.Options{Keyring: keys})
	must(t, err)
	b.store, b.Contents = store, store.Reader()
	t.Cleanup(func() { must(t, store.Close()) })
	policy, err := capture.New(keep)
	must(t, err)
	idKey := keys.IDKey()
	b.stateKey = keys.StateKey()
	b.Door = intake.New(b.Journal, store, policy, idKey[:])
	b.run(b.Journal.Run)
	b.run(store.Run)
	b.Ledger, err = ledger.Open(ctx, b.Dir, ledger.Options{Journal: b.Journal.Reader(), Interval: time.Millisecond})
	must(t, err)
	b.run(func(ctx context.Context) error { return b.Ledger.Run(ctx, b.Journal.Follow(b.Ledger.Size()+1)) })
}

// run runs a component until the test ends.
func (b *Bench) run(component func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- component(ctx) }()
	b.T.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.T.Error(err)
		}
	})
}

func (b *Bench) openViews() {
	t, ctx := b.T, context.Background()
	t.Helper()
	var err error
	b.Index, err = sqlite.Open(ctx, b.Dir+"/index")
	must(t, err)
	t.Cleanup(func() { must(t, b.Index.Close()) })
	b.Found, err = correlate.Open(ctx, b.Dir, correlate.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, b.Found.Close()) })
	b.Org, err = organisation.Open(ctx, b.Dir, organisation.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, b.Org.Close()) })
	b.Fired, err = detect.Open(ctx, b.Dir, detect.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, b.Fired.Close()) })
	positions, err := acts.OpenFile(ctx, acts.Path(b.Dir), acts.Key{}, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, positions.Close()) })
}

// Submit makes records durable as one delivery and returns their positions.
func (b *Bench) Submit(credential string, drafts ...intake.Draft) []uint64 {
	b.T.Helper()
	receipt, err := b.Door.Submit(context.Background(), intake.Delivery{Credential: credential, Drafts: drafts})
	must(b.T, err)
	return receipt.Seqs
}

// CatchUp lets the views and the ledger take in the whole journal.
func (b *Bench) CatchUp() {
	b.T.Helper()
	ctx := context.Background()
	last, err := b.Journal.Reader().Last(ctx)
	must(b.T, err)
	must(b.T, b.index(ctx))
	at, err := b.Found.Position(ctx)
	must(b.T, err)
	for f := b.Journal.Follow(at + 1); at < last; {
		page, err := f.Next(ctx)
		must(b.T, err)
		must(b.T, b.Found.Apply(ctx, page))
		must(b.T, b.Org.Apply(ctx, page))
		must(b.T, b.Fired.Apply(ctx, page))
		at, err = b.Found.Position(ctx)
		must(b.T, err)
	}
	_, err = b.Ledger.Wait(ctx, last)
	must(b.T, err)
}

// index lets the search view take in the whole journal.
func (b *Bench) index(ctx context.Context) error {
	last, err := b.Journal.Reader().Last(ctx)
	if err != nil {
		return err
	}
	at, err := b.Index.Position(ctx)
	if err != nil {
		return err
	}
	for f := follow.New(b.Journal.Follow(at + 1)); at < last; {
		page, err := f.Next(ctx)
		if err != nil {
			return err
		}
		if err := b.Index.Apply(ctx, page); err != nil {
			return err
		}
		at = page[len(page)-1].Seq
	}
	return nil
}

// Answer is what the console answered.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Get asks for a path as who is signed in.
func (b *Bench) Get(path string) Answer {
	b.T.Helper()
	return b.Do(http.MethodGet, b.Server.URL+path, nil)
}

// Do sends a request, which edit may change first. Redirects are not followed.
func (b *Bench) Do(method, url string, edit func(*http.Request)) Answer {
	b.T.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, http.NoBody)
	must(b.T, err)
	if edit != nil {
		edit(req)
	}
	client := *b.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	must(b.T, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(b.T, err)
	return Answer{Status: res.StatusCode, Header: res.Header, Body: string(body)}
}

// Own lists the records of Tripod's own acts of a type prefix, oldest first.
func (b *Bench) Own(prefix string) []*audit.Record {
	b.T.Helper()
	ctx := context.Background()
	last, err := b.Journal.Reader().Last(ctx)
	must(b.T, err)
	var list []*audit.Record
	for s, err := range b.Journal.Reader().Scan(ctx, 1, last) {
		must(b.T, err)
		r, err := s.Record()
		must(b.T, err)
		if r.Source == audit.SourceTripod && strings.HasPrefix(r.Type, prefix) {
			list = append(list, r)
		}
	}
	return list
}

// Pages are addresses of every page and API call that needs nothing in the journal; each asks for a record of its opening.
var Pages = []string{
	"/", "/activity", "/activity?q=tool%3ABash", "/activity/counts?q=model%3A*", "/activity/new?q=mcp%3A*&since=0",
	"/activity/values?field=tool&q=tool%3A*", "/health", "/health/now", "/organisation", "/organisation?q=dana", "/cases", "/cases/new", "/cases/ask", "/api/v1/cases", "/health", "/health/now", "/api/v1/search?q=x", "/api/v1/facets", "/api/v1/histogram",
}
