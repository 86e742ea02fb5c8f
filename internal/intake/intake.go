// Package intake is the one door through which every way in hands over records and their content. The capture policy is
// applied here, before anything is stored.
//
// It promises: a nil error from Submit means that every draft of the delivery is durable, content first and then
// records, cursors and ids in one journal transaction, or was recognised as delivered before. A delivery is taken whole
// or not at all; after an error the way in delivers again and nothing appears twice. Drafts of one delivery keep their
// order; deliveries are ordered by the journal. All methods are safe for concurrent use.
package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
)

// ErrUnavailable wraps every reason why a delivery could not be made durable. The way in must not acknowledge it and
// should ask for it again later (HTTP 503 with Retry-After, gRPC UNAVAILABLE).
var ErrUnavailable = errors.New("not durable, deliver again")

// Piece is one piece of content that a draft's record refers to.
type Piece struct {
	Name      string      // "prompt", "resource.NAME", "parts[2].content", "body"
	Class     audit.Class // detail or text
	Kind      audit.Kind  // kind as the source sent it
	Value     []byte      // plaintext: strings as they are, maps and arrays as JSON, bytes raw
	Bytes     int         // length before a cut, where Truncated; of what is not given, where Withheld is audit.WithheldPolicy
	Withheld  string      // audit.WithheldSource where the source sent a placeholder, audit.WithheldPolicy where the way in asked Level; Value is nil then
	Truncated bool        // cut at a bound of ours
}

// Draft is a record before it enters the journal. The door fills in Version, ID (unless VendorID), Recorded and Content;
// it owns the draft from Submit on.
type Draft struct {
	Record   *audit.Record
	Pieces   []Piece
	Form     []byte // the source form before normalising, serialised the same way for the same data; the id rests on it
	VendorID bool   // Record.ID is the vendor's and remembered for ever
	Forever  bool   // the id that rests on the form is remembered for ever: the source may deliver at any time again
	Body     *Body  // content that is too large for memory; nil for none
	// Credential names the credential that delivered it, where one delivery brings what several did; "" for the delivery's.
	Credential string
}

// Delivery is what a way in hands over at once.
type Delivery struct {
	Credential string // name of the credential that delivered it, "" for none
	Drafts     []Draft
	Cursors    map[string][]byte // committed together with the records
}

// Receipt tells what became of a delivery.
type Receipt struct {
	Seqs       []uint64 // position of each draft; 0 where it was delivered before and its position is not at hand
	Duplicates int
}

// Journal is what the door needs of the journal.
type Journal interface {
	Append(ctx context.Context, b journal.Batch) (journal.Receipt, error)
	Known(ids []journal.Digest) []bool
	KnownForever(ctx context.Context, id, body journal.Digest) (bool, error)
}

// Content is what the door needs of the content store.
type Content interface {
	Put(ctx context.Context, blocks []content.Block) ([]content.Address, error)
}

// Door takes deliveries in.
type Door struct {
	journal Journal
	content Content
	policy  atomic.Pointer[capture.Policy]
	ids     *identifier
	flights flights
}

// New makes the door. idKey keys the digests that serve as record ids, so that an id confirms nobody's guess of a
// content it was computed over; with another key re-deliveries from before are not recognised.
func New(j Journal, c Content, policy *capture.Policy, idKey []byte) *Door {
	d := &Door{journal: j, content: c, ids: newIdentifier(idKey)}
	d.policy.Store(policy)
	return d
}

// SetPolicy puts another capture policy in force for deliveries that come from now on. What was stored stays as it is.
func (d *Door) SetPolicy(policy *capture.Policy) { d.policy.Store(policy) }

// Submit makes a delivery durable. Errors wrap ErrUnavailable unless the context ended first, or a body could not be read,
// which is a *BodyError.
func (d *Door) Submit(ctx context.Context, del Delivery) (Receipt, error) {
	if len(del.Drafts) == 0 && len(del.Cursors) == 0 {
		return Receipt{}, nil
	}
	defer d.flights.begin()()
	ids := d.ids.identify(del)
	skip := d.redelivered(del, ids)
	if err := d.storeContent(ctx, del, ids, skip); err != nil {
		return Receipt{}, unavailable(ctx, "store content", err)
	}
	if err := d.storeBodies(ctx, del, ids, skip); err != nil {
		return Receipt{}, err
	}
	receipt, err := d.journal.Append(ctx, d.encode(del, ids, skip, time.Now().UTC()))
	if err != nil {
		return Receipt{}, unavailable(ctx, "append to journal", err)
	}
	return merge(receipt, skip), nil
}

// redelivered marks the drafts that were delivered before. Those remembered for ever go on to the journal all the same:
// only it can tell whether the body changed.
func (d *Door) redelivered(del Delivery, ids []journal.Digest) []bool {
	skip := d.journal.Known(ids)
	for i := range skip {
		skip[i] = skip[i] && !del.Drafts[i].lasting()
	}
	return skip
}

// credential names what delivered the draft.
func (d *Draft) credential(del *Delivery) string {
	if d.Credential != "" {
		return d.Credential
	}
	return del.Credential
}

// lasting reports whether the draft's id is remembered for ever.
func (d *Draft) lasting() bool { return d.VendorID || d.Forever }

// held reports whether a lasting draft was delivered before with this very body.
func (d *Door) held(ctx context.Context, draft *Draft, id journal.Digest) (bool, error) {
	if !draft.lasting() {
		return false, nil
	}
	return d.journal.KnownForever(ctx, id, d.ids.body(draft.Form))
}

// unavailable keeps a caller's own cancellation apart from our inability.
func unavailable(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
}

// storeContent keeps what the policy allows of the drafts not seen before, and writes the references into their records.
// Drafts delivered before are left alone: what was erased since must not come back with a retry.
func (d *Door) storeContent(ctx context.Context, del Delivery, ids []journal.Digest, skip []bool) error {
	policy := d.policy.Load()
	var blocks []content.Block
	var refs []blockRef
	same := make(map[plaintext]int) // records of one export share what their resource says: it is sealed once
	for i := range del.Drafts {
		draft := &del.Drafts[i]
		if skip[i] || len(draft.Pieces) == 0 {
			continue
		}
		level := policy.Level(draft.Record, draft.credential(&del))
		draft.Record.Content = make([]audit.Content, len(draft.Pieces))
		if level != audit.ClassMetadata {
			if held, err := d.held(ctx, draft, ids[i]); err != nil {
				return err
			} else if held {
				continue
			}
		}
		for k := range draft.Pieces {
			p, ref := &draft.Pieces[k], &draft.Record.Content[k]
			*ref = reference(p, level)
			if ref.Withheld != "" {
				continue
			}
			block := len(blocks)
			if len(p.Value) > 0 {
				key := plaintext{draft.Record.Container, &p.Value[0], len(p.Value)}
				if at, ok := same[key]; ok {
					block = at
				} else {
					same[key] = block
				}
			}
			if block == len(blocks) {
				blocks = append(blocks, content.Block{Container: draft.Record.Container, Plaintext: p.Value})
			}
			refs = append(refs, blockRef{ref, block})
		}
	}
	if len(blocks) == 0 {
		return nil
	}
	addresses, err := d.content.Put(ctx, blocks)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		ref.Address = addresses[ref.block]
	}
	return nil
}

// plaintext tells apart the plaintexts of a delivery by where they are in memory, which costs less than to compare them.
type plaintext struct {
	container string
	first     *byte
	length    int
}

// blockRef is a reference and which of the blocks it refers to.
type blockRef struct {
	*audit.Content
	block int
}

func reference(p *Piece, level audit.Class) audit.Content {
	ref := audit.Content{
		Name: p.Name, Class: p.Class, Kind: p.Kind.String(), Bytes: len(p.Value), Withheld: p.Withheld, Truncated: p.Truncated,
	}
	if p.Truncated || p.Withheld == audit.WithheldPolicy {
		ref.Bytes = p.Bytes
	}
	if ref.Withheld == "" && !level.Allows(p.Class) {
		ref.Withheld = audit.WithheldPolicy
	}
	return ref
}

// encode forms the canonical bytes of every new draft in one buffer.
func (d *Door) encode(del Delivery, ids []journal.Digest, skip []bool, now time.Time) journal.Batch {
	b := journal.Batch{Entries: make([]journal.Entry, 0, len(del.Drafts)), Cursors: del.Cursors}
	buf := make([]byte, 0, 2048)
	for i := range del.Drafts {
		draft := &del.Drafts[i]
		if skip[i] {
			continue
		}
		rec := draft.Record
		rec.Version, rec.Recorded = audit.SchemaVersion, now
		entry := journal.Entry{Record: rec, ID: ids[i], Forever: draft.lasting()}
		if draft.lasting() {
			entry.Body = d.ids.body(draft.Form)
		}
		if !draft.VendorID {
			rec.ID = audit.Hex(ids[i][:])
		}
		start := len(buf)
		buf = rec.AppendCanonical(buf)
		if start == 0 { // the records of one delivery are much alike
			buf = slices.Grow(buf, (len(buf)+len(buf)/8)*(len(del.Drafts)-i-1))
		}
		entry.Bytes = buf[start:len(buf):len(buf)]
		b.Entries = append(b.Entries, entry)
		draft.Form, draft.Pieces = nil, nil // not needed while the delivery waits for its commit
	}
	return b
}

// merge puts the positions the journal gave back beside the drafts that never reached it.
func merge(r journal.Receipt, skip []bool) Receipt {
	if len(r.Seqs) == len(skip) {
		return Receipt{Seqs: r.Seqs, Duplicates: r.Duplicates}
	}
	out := Receipt{Seqs: make([]uint64, len(skip)), Duplicates: r.Duplicates + len(skip) - len(r.Seqs)}
	next := 0
	for i := range skip {
		if skip[i] {
			continue
		}
		out.Seqs[i] = r.Seqs[next]
		next++
	}
	return out
}
