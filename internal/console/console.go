// Package console is Tripod's pages and JSON API: what happened, session by session and record by record, how it is
// proved, and whether everything is well.
//
// Until there is sign-in by an identity provider, it is for who can ask the machine for a link: a link works once and for
// 15 minutes and signs in for 8 hours, both kept in memory only and gone with the process. Everything that is opened is a
// record of its own: a page is shown only after that record is durable, and refused where it cannot be written. Pages
// change what forms say, through the packages that decide; content is shown under a grant of a case alone.
//
// The console stores nothing, so durability is that of the journal; lists are in the order of the search view. All methods
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
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/reading"
)

// Config configures a Console.
type Config struct {
	// URL is where the console listens, as links begin: "http://127.0.0.1:8480".
	URL string
	// Dir is the data directory as a person would name it to a command; "" where the default is meant.
	Dir     string
	Version string
}

// Deps are what a Console needs of its surroundings. Reader and Record are required.
type Deps struct {
	Reader *reading.Reader
	// Record makes one of Tripod's own acts durable. It fails where the journal refuses to write.
	Record func(context.Context, intake.Act) error
	Health *health.Registry // nil: nothing is raised
	// Contents opens the texts of queries for who reviews who looked; nil: they stay sealed.
	Contents *content.Reader
	// Desk is where cases are acted on and content is opened; nil: neither.
	Desk *casebook.Desk
	// Standing tells the health page what only the surroundings know (see MeasureDir); nil: that is shown as not known.
	Standing func(context.Context) page.Standing
	// Capture is the capture policy in force, CaptureYAML one as the configuration file has it; nil: neither can be told.
	Capture     func() capture.Config
	CaptureYAML func(capture.Config) (string, error)
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
	signIns *signIns
	exports chan struct{} // holds one for each export under way
	whole   chan struct{} // holds one for each session being read
	handler http.Handler
	drafts  drafts

	patterns []string // registered; see Routes
	unlisted []error  // what the table of rights does not have
}

// New makes a Console. The error tells of a mistake in the configuration or the build.
func New(cfg Config, deps Deps) (*Console, error) {
	if deps.Reader == nil || deps.Record == nil {
		return nil, errors.New("console: a reader and a way to record are required")
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	pages, err := page.New()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c := &Console{cfg: cfg, deps: deps, pages: pages, signIns: newSignIns(deps.Now), exports: make(chan struct{}, mostExports), whole: make(chan struct{}, sessionsAtOnce)}
	c.handler = guard(c.routes())
	if err := errors.Join(c.unlisted...); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return c, nil
}

// Handler serves everything; it is mounted at the root. Requests to other hosts than loopback are refused.
func (c *Console) Handler() http.Handler { return c.handler }

// Link makes an address that signs whoever opens it in as who, once and within 15 minutes.
func (c *Console) Link(who *access.Person) string {
	return c.cfg.URL + "/enter?code=" + c.signIns.invite(who)
}

// Revoke ends every sign-in and every link that has not been used, on record as an act of by, and tells how many there were
// of each. They have ended even where the error says that this could not be recorded.
func (c *Console) Revoke(ctx context.Context, by audit.Identity) (signIns, links int, err error) {
	signIns, links = c.signIns.revoke()
	act := intake.Act{Type: TypeRevoke, Activity: audit.ActivitySignOut, Account: by}
	if err := c.deps.Record(ctx, act); err != nil {
		return signIns, links, fmt.Errorf("every sign-in was ended, but not recorded: %w", err)
	}
	return signIns, links, nil
}
