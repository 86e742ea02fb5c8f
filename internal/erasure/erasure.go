// Package erasure destroys content and records by order and leaves the proof.
//
// One order names one container, one record, or many; a record goes with its content, or its content alone.
// An erasure is four steps: an intent record, the destruction, views forgetting the record, a completion record. The intent is durable before
// anything is destroyed, and what it orders is remembered in a journal cursor that commits with it, so Resume finishes
// after a crash at any step; every step may be done again. A nil error means that the bytes are gone from the data
// directory, write-ahead logs and free pages included, and that the completion is durable. Erasures run one at a time; an Eraser is safe for concurrent use.
package erasure

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Types of the records an erasure leaves. The ledger's verification knows them: a tombstone is valid only if a record of
// TypeRecord or TypeRecords names its position and commitment.
const (
	TypeRecord    = audit.TypeEraseRecord
	TypeRecords   = audit.TypeEraseRecords
	TypeContainer = audit.TypeEraseContainer
	TypeContent   = audit.TypeEraseContent
	TypeCompleted = audit.TypeEraseCompleted
)

const cursorName = "tripod/erasures"

// Errors by which a caller decides.
var (
	// ErrAlreadyErased says that a tombstone stands where the record was.
	ErrAlreadyErased = errors.New("already erased")
	// ErrHeld says that something stands against an erasure. What wraps it names holds by their ids, never what they are about.
	ErrHeld = errors.New("held")
)

// Order says who wants an erasure and why.
type Order struct {
	By     audit.Identity
	Case   string
	Reason string // free text; kept as content, since it may name people
	// Retention names the class of retention whose period is over: nobody asked, time did. "" for an order that somebody gave.
	Retention string
	// Again says that the erasure was ordered and carried out before, and undone by a restore: nothing that is held now stands
	// against it.
	Again bool
}

// Receipt tells where the erasure is on record.
type Receipt struct {
	Intent    uint64 `json:"intent"`    // position of the intent record
	Completed uint64 `json:"completed"` // position of the completion record
	Blocks    int    `json:"blocks"`    // content blocks the erased records referred to; 0 for a container
	Records   int    `json:"records"`   // records erased
}

// Journal is what an erasure needs of the journal.
type Journal interface {
	Erase(ctx context.Context, seqs ...uint64) error
	Cursor(ctx context.Context, name string) ([]byte, error)
	Reader() *journal.Reader
}

// Content is what an erasure needs of the content store.
type Content interface {
	Known(ctx context.Context, container string) (bool, error)
	EraseBlocks(ctx context.Context, container string, addresses []content.Address) error
	EraseContainer(ctx context.Context, container string) error
}

// Recorder appends Tripod's own acts.
type Recorder interface {
	Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error)
}

// Eraser carries erasures out.
type Eraser struct {
	// Signed, if not nil, waits until a signed checkpoint covers the order at seq. Nothing is destroyed before: a tombstone
	// counts only where the order for it is signed for. Its error leaves the erasure pending. Set it before use.
	Signed func(ctx context.Context, seq uint64) error
	// Settled, if not nil, waits until no view of the journal holds anything of a record whose erasure was ordered at seq.
	// Its error leaves the erasure pending. Set it before use.
	Settled func(ctx context.Context, seq uint64) error
	// Held, if not nil, is asked before an intent is written, and keeps an erasure from being ordered by an error that wraps
	// ErrHeld. No other erasure is ordered meanwhile. An intent that is durable is carried out, whatever is held later: it may be
	// half done, and a record of it tells that it came first. Set it before use.
	Held func(ctx context.Context, t Target) error

	journal Journal
	content Content
	records Recorder
	mu      sync.Mutex // one erasure at a time: the cursor lists those under way
}

// New makes an eraser.
func New(j Journal, c Content, r Recorder) *Eraser {
	return &Eraser{journal: j, content: c, records: r}
}

// Container erases everything a container holds by destroying its key and its blocks. One that is erased already may be
// erased again. The error wraps content.ErrMissing, and nothing is on record, for one that never held anything: a
// misspelt name must not look like an erasure.
func (e *Eraser) Container(ctx context.Context, container string, o Order) (Receipt, error) {
	if container == "" {
		return Receipt{}, errors.New("erase container: no container named")
	}
	if strings.HasPrefix(container, "tripod/") {
		return Receipt{}, fmt.Errorf("erase container %q: it holds what was written with Tripod's own acts, which vouch for others and are kept", container)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	known, err := e.content.Known(ctx, container)
	if err != nil {
		return Receipt{}, fmt.Errorf("erase container: %w", err)
	}
	if !known {
		return Receipt{}, fmt.Errorf("erase container %q: no content was ever held under this name, see the container of a record: %w", container, content.ErrMissing)
	}
	if err := e.free(ctx, Target{Container: container, Order: o}); err != nil {
		return Receipt{}, fmt.Errorf("erase container %q: %w", container, err)
	}
	act := orderAct(TypeContainer, o, audit.Attrs{{Name: "container", Value: audit.String(container)}})
	return e.begin(ctx, act, task{Container: container})
}

// Record erases one record and the content it refers to. Equal content of the same container under another record goes
// with it: it is the same block.
func (e *Eraser) Record(ctx context.Context, seq uint64, o Order) (Receipt, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	found, err := e.read(ctx, []uint64{seq}, o)
	if err != nil {
		return Receipt{}, fmt.Errorf("erase record %d: %w", seq, err)
	}
	return e.erase(ctx, TypeRecord, found, nil, o)
}

func orderAct(typ string, o Order, attrs audit.Attrs) intake.Act {
	if o.Retention != "" {
		attrs = append(attrs, audit.TextAttr("retention", o.Retention))
	}
	act := intake.Act{Type: typ, Activity: audit.ActivityErasure, Account: o.By, Case: o.Case, Attributes: attrs}
	if o.Reason != "" {
		act.Pieces = []intake.Piece{{Name: "reason", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(o.Reason)}}
	}
	return act
}

// begin makes the intent durable and then carries it out.
func (e *Eraser) begin(ctx context.Context, act intake.Act, t task) (Receipt, error) {
	pending, err := e.pending(ctx)
	if err != nil {
		return Receipt{}, err
	}
	if t.After, err = e.journal.Reader().Last(ctx); err != nil {
		return Receipt{}, fmt.Errorf("erase: %w", err)
	}
	t.Order = rand.Text()
	act.Attributes = append(act.Attributes, audit.Attr{Name: "order", Value: audit.String(t.Order)})
	cursor, err := cursorOf(append(pending, t))
	if err != nil {
		return Receipt{}, err
	}
	intent, err := e.records.Record(ctx, act, cursor)
	if err != nil {
		return Receipt{}, fmt.Errorf("erase: write intent: %w", err)
	}
	return e.finish(ctx, t, intent)
}

// finish destroys and records the completion. Every step may have been done before.
func (e *Eraser) finish(ctx context.Context, t task, intent uint64) (Receipt, error) {
	if e.Signed != nil {
		if err := e.Signed(ctx, intent); err != nil {
			return Receipt{}, fmt.Errorf("erase: ordered by record %d, which is not signed for yet, resumed while serve runs: %w", intent, err)
		}
	}
	if err := e.destroy(ctx, t); err != nil {
		return Receipt{}, fmt.Errorf("erase: ordered by record %d, unfinished, resumed while serve runs: %w", intent, err)
	}
	if len(t.Seqs) > 0 && e.Settled != nil { // views hold nothing of content
		if err := e.Settled(ctx, intent); err != nil {
			return Receipt{}, fmt.Errorf("erase: ordered by record %d, destroyed, not gone from the views yet, resumed while serve runs: %w", intent, err)
		}
	}
	pending, err := e.pending(ctx)
	if err != nil {
		return Receipt{}, err
	}
	cursor, err := cursorOf(slices.DeleteFunc(pending, func(p task) bool { return p.Order == t.Order }))
	if err != nil {
		return Receipt{}, err
	}
	done, err := e.records.Record(ctx, intake.Act{
		Type: TypeCompleted, Activity: audit.ActivityErasure,
		Attributes: audit.Attrs{
			{Name: "position", Value: audit.Int(int64(intent))}, {Name: "order", Value: audit.String(t.Order)},
			{Name: "blocks", Value: audit.Int(int64(t.blocks()))},
		},
	}, cursor)
	if err != nil {
		return Receipt{}, fmt.Errorf("erase: destroyed, completion not recorded, resumed while serve runs: %w", err)
	}
	return Receipt{Intent: intent, Completed: done, Blocks: t.blocks(), Records: len(t.Seqs)}, nil
}

func (e *Eraser) destroy(ctx context.Context, t task) error {
	if t.Container != "" {
		return untilFree(ctx, func() error { return e.content.EraseContainer(ctx, t.Container) })
	}
	for _, g := range t.Content {
		if err := untilFree(ctx, func() error { return e.content.EraseBlocks(ctx, g.Container, g.Blocks) }); err != nil {
			return err
		}
	}
	if len(t.Seqs) == 0 {
		return nil
	}
	return untilFree(ctx, func() error { return e.journal.Erase(ctx, t.Seqs...) })
}

// untilFree tries again while readers hold a write-ahead log open: their transactions are short.
func untilFree(ctx context.Context, erase func() error) error {
	const tries = 50
	for try := 1; ; try++ {
		err := erase()
		busy := errors.Is(err, journal.ErrBusy) || errors.Is(err, content.ErrBusy)
		if err == nil || try == tries || !busy {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
