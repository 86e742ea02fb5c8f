package casebook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
)

// State is what a Desk needs of an *acts.State; the Book is one of its folds.
type Acts interface {
	Decide(ctx context.Context, door acts.Recorder, decide func(now time.Time) (intake.Act, error)) (uint64, error)
	Within(ctx context.Context, fn func(now time.Time) error) error
}

// Journal is what a Desk needs of a *journal.Reader.
type Journal interface {
	GetReadable(ctx context.Context, seqs ...uint64) (stored []journal.Stored, unreadable []uint64, err error)
	Last(ctx context.Context) (uint64, error)
}

// Content is what a Desk needs of a *content.Reader.
type Content interface {
	Open(ctx context.Context, g content.Grant, container string, a content.Address) ([]byte, error)
	State(ctx context.Context, container string, a content.Address) (content.State, error)
}

// Owner is an account whose content something is.
type Owner struct {
	Identifiers []string // "email:dana@example.com", "user:user_01…": all it was ever known by
	Groups      []string // it belongs to, by name or id
	Proved      bool     // a credential or the vendor says so; else a client asserted it
}

// Directory tells whose content is whose. Its errors keep content shut.
type Directory interface {
	// Owners lists the accounts a container belongs to or was used by; none where nobody is known.
	Owners(ctx context.Context, container string) ([]Owner, error)
	// Account is the account known by an identifier; the zero Owner where there is none.
	Account(ctx context.Context, identifier string) (Owner, error)
}

// Queries finds records for grants that name a query.
type Queries interface {
	// Find lists the positions up to one, at most limit, that a query matches; more says that there are others.
	Find(ctx context.Context, text string, at time.Time, upTo uint64, limit int) (seqs []uint64, more bool, err error)
	// Matcher tells records a query matches. Words such as today stand for what they meant at a time.
	Matcher(text string, at time.Time) (func(*audit.Record) bool, error)
}

// Cursors is what the notice remembers itself by; *journal.Journal is it.
type Cursors interface {
	Cursor(ctx context.Context, name string) ([]byte, error)
}

// Deps are what a Desk works with.
type Deps struct {
	Acts      Acts
	Book      *Book // a fold of Acts
	Door      acts.Recorder
	Content   Content
	Journal   Journal
	Directory Directory
	Queries   Queries // nil: no grant for a query
	Cursors   Cursors
	Logger    *slog.Logger     // nil: silent
	Health    *health.Registry // nil: none
}

// Desk is where people act.
type Desk struct {
	cfg  Config
	deps Deps
	log  *slog.Logger
	kick chan struct{} // something may have to be told

	mu      sync.Mutex
	queries map[string]string // texts by grant, as far as they were asked for or read since the start; guarded by mu
}

// NewDesk makes a Desk.
func NewDesk(cfg Config, deps Deps) *Desk {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	return &Desk{cfg: cfg, deps: deps, log: deps.Logger, kick: make(chan struct{}, 1), queries: make(map[string]string)}
}

// decide records an act of somebody, if they hold the right and no rule stands against it.
func (d *Desk) decide(ctx context.Context, by *access.Person, right access.Right, build func(now time.Time) (intake.Act, error)) (uint64, error) {
	if err := by.Allow(right); err != nil {
		return 0, err
	}
	seq, err := d.deps.Acts.Decide(ctx, d.deps.Door, func(now time.Time) (intake.Act, error) {
		act, err := build(now)
		if err != nil {
			return intake.Act{}, err
		}
		act.Activity, act.Account = audit.ActivityOperation, by.Identity()
		act.Attributes = listAttr(act.Attributes, attrRoles, by.Roles)
		_, err = d.deps.Book.judge(deedOf(act), now)
		return act, err
	})
	if err != nil {
		return 0, err
	}
	select {
	case d.kick <- struct{}{}:
	default:
	}
	return seq, nil
}

// errNotTaken says that a rule stood against an act only once it was on record, as when time ran out meanwhile.
var errNotTaken = fmt.Errorf("%w: it is on record and changed nothing, since time ran out meanwhile", ErrOver)

// caseNow is a case after an act, which must have taken.
func (d *Desk) caseNow(ctx context.Context, id string, taken func(*Case) bool) (Case, error) {
	var c Case
	err := d.deps.Acts.Within(ctx, func(time.Time) error {
		var ok bool
		if c, ok = d.deps.Book.Case(id); !ok || !taken(&c) {
			return errNotTaken
		}
		return nil
	})
	return c, err
}

// grantNow is a grant after an act, which must have taken.
func (d *Desk) grantNow(ctx context.Context, id string, taken func(*Grant) bool) (Grant, error) {
	var g Grant
	err := d.deps.Acts.Within(ctx, func(now time.Time) error {
		var ok bool
		if g, ok = d.deps.Book.Grant(id, now); !ok || !taken(&g) {
			return errNotTaken
		}
		return nil
	})
	return g, err
}

// bound refuses a case outside those a token or an auditor's role is for.
func bound(by *access.Person, caseID string) error {
	if by != nil && by.Cases != nil && !slices.Contains(by.Cases, caseID) {
		return fmt.Errorf("%w: %.40q", ErrUnknown, caseID)
	}
	return nil
}

// reasonPiece is a text that says why.
func reasonPiece(text string) []intake.Piece {
	if text == "" {
		return nil
	}
	return []intake.Piece{detail(pieceReason, text)}
}

func detail(name, text string) intake.Piece {
	return intake.Piece{Name: name, Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(text)}
}

const maxText = 4_000 // bytes of a title, a reason or a query

func checkText(what, text string) error {
	if len(text) > maxText {
		return fmt.Errorf("%w: %s is longer than %d bytes", ErrInvalid, what, maxText)
	}
	return nil
}

// known is the account known by an identifier, as the directory tells.
func (d *Desk) known(ctx context.Context, identifier string) (Owner, error) {
	o, err := d.deps.Directory.Account(ctx, identifier)
	if err != nil {
		return Owner{}, fmt.Errorf("see whose account it is: %w", err)
	}
	return o, nil
}

// everything lists the identifiers of somebody, those that the directory adds included.
func (d *Desk) everything(ctx context.Context, own []string) ([]string, error) {
	ids := slices.Clone(own)
	for _, id := range own {
		o, err := d.known(ctx, id)
		if err != nil {
			return nil, err
		}
		ids = append(ids, o.Identifiers...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

var errNobody = errors.New("nobody is signed in")
