// Package console is Tripod's pages and JSON API: what happened, session by session and record by record, how it is
// proved, and whether everything is well.
//
// Who asks is told by package access/signin: a browser by its cookie, a program by an API token, which the API alone takes.
// What they may is told by the table of package access, where every route has a line. Everything that is opened is a record
// of its own: a page is shown only after that record is durable, and refused where it cannot be written. Forms decide
// nothing but under a token of the sign-in, and what weighs much only soon after it; content is shown under
// a grant of a case alone.
//
// The console stores nothing: what was typed before a fresh sign-in is kept in memory, for a while. Durability is that of
// the journal; lists are in the order of the search view. All methods
// of Console are safe for concurrent use; it has no goroutines.
package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/reading"
)

// Config configures a Console.
type Config struct {
	// URL is where browsers reach the console, as links begin: "http://127.0.0.1:8480", "https://audit.example.com". Beside
	// the names of this machine to itself, its host is the only one that is answered.
	URL string
	// Dir is the data directory as a person would name it to a command; "" where the default is meant.
	Dir     string
	Version string
}

// Deps are what a Console needs of its surroundings. Reader, SignIn and Record are required.
type Deps struct {
	// SignIn says who asks.
	SignIn *signin.Service
	Reader *reading.Reader
	// Record makes one of Tripod's own acts durable. It fails where the journal refuses to write.
	Record func(context.Context, intake.Act) error
	Health *health.Registry // nil: nothing is raised
	// Contents opens the texts of queries for who reviews who looked; nil: they stay sealed.
	Contents *content.Reader
	// Desk is where cases are acted on and content is opened; nil: neither.
	Desk *casebook.Desk
	// Lifecycle is retention and holds; nil: neither.
	Lifecycle *Lifecycle
	// Alerts lists alerts and takes decisions about them in; nil: there are none.
	Alerts *alert.Keeper
	// Standing tells the health page what only the surroundings know (see MeasureDir); nil: that is shown as not known.
	Standing func(context.Context) page.Standing
	// Capture is the capture policy and the file it stands in; nil: neither can be told.
	Capture Capture
	// Expiring lists what runs out before a time, or has: certificates, tokens, exceptions; nil: nothing.
	Expiring func(ctx context.Context, before time.Time) ([]page.Expiry, error)
	Logger   *slog.Logger     // nil: silent
	Now      func() time.Time // for relative times and the age of links; nil: the clock
	// Open is what machines ask without signing in, by pattern ("GET /healthz"). It must tell no record.
	Open map[string]http.Handler
}

// Console is the pages and the API behind one listener.
type Console struct {
	cfg     Config
	deps    Deps
	pages   *page.Renderer
	exports chan struct{} // holds one for each export under way
	whole   chan struct{} // holds one for each session being read
	handler http.Handler
	drafts  drafts
	looks   looks

	patterns []string // registered; see Routes
	unlisted []error  // what the table of rights does not have
}

// New makes a Console. The error tells of a mistake in the configuration or the build.
func New(cfg Config, deps Deps) (*Console, error) {
	if deps.Reader == nil || deps.Record == nil || deps.SignIn == nil {
		return nil, errors.New("console: a reader, a sign-in and a way to record are required")
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	host, err := hostOf(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	pages, err := page.New()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c := &Console{cfg: cfg, deps: deps, pages: pages, exports: make(chan struct{}, mostExports), whole: make(chan struct{}, sessionsAtOnce)}
	c.handler = guard(c.routes(), host)
	if err := errors.Join(c.unlisted...); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return c, nil
}

// Handler serves everything; it is mounted at the root. Requests to other hosts than that of the address and loopback are
// refused.
func (c *Console) Handler() http.Handler { return c.handler }

// Link makes an address that signs whoever opens it in as who, somebody of this machine, once and within 15 minutes.
func (c *Console) Link(ctx context.Context, who access.Person) (string, error) {
	code, err := c.deps.SignIn.Link(ctx, who)
	if err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	return c.cfg.URL + "/enter?code=" + code, nil
}
