package forward

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// TypeCheckpoint is the type of an item that carries a checkpoint.
const TypeCheckpoint = "tripod.checkpoint"

// checkpointEvery is how often checkpoints go to a sink at most: always the last one.
const checkpointEvery = time.Second

// Checkpoint is the ledger's signed head as it is forwarded, so that the ledger is held elsewhere.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   string    // base64, as the note has it
	Time   time.Time // when the last record it covers was recorded, as far as that is known
	Note   string    // as https://c2sp.org/tlog-checkpoint has it, with every signature
}

// Formatter is a sink's form.
type Formatter struct {
	Record Format
	// Checkpoint appends a checkpoint; nil: as a record of TypeCheckpoint.
	Checkpoint func(dst []byte, c *Checkpoint) ([]byte, error)
}

func (f Formatter) checkpoint(c *Checkpoint) ([]byte, error) {
	if f.Checkpoint != nil {
		return f.Checkpoint(nil, c)
	}
	r := ownRecord(TypeCheckpoint, c.Origin+" "+fmt.Sprint(c.Size), c.Time)
	r.Attributes = audit.Attrs{
		audit.TextAttr("origin", c.Origin), audit.CountAttr("size", int64(min(c.Size, 1<<62))), audit.TextAttr("root", c.Root), audit.TextAttr("note", c.Note),
	}
	return f.Record(nil, 0, r)
}

// ownRecord is a record that is in no journal: the form in which something else than a record goes to a sink.
func ownRecord(typ, id string, at time.Time) *audit.Record {
	return &audit.Record{
		Version: audit.SchemaVersion, ID: id, Normaliser: "forward/1", Source: audit.SourceTripod, Activity: audit.ActivityOperation, Type: typ,
		Outcome: audit.OutcomeSuccess, Occurred: at, Observed: at, Recorded: at,
	}
}

// checkpoints sends each new checkpoint, the last one where there were several since.
func (f *feed) checkpoints(ctx context.Context) error {
	t, err := f.state.totals(ctx, f.cfg.Name)
	if err != nil {
		return err
	}
	for size := t.checkpoint; ; {
		c, err := f.deps.Ledger.Wait(ctx, size+1)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			// The ledger has ended, and signs no more: whoever stops it stops this next.
			<-ctx.Done()
			return ctx.Err()
		}
		item, err := f.checkpointItem(ctx, c)
		if err != nil {
			return err
		}
		if err := f.deliver(ctx, []Item{item}); err != nil {
			return err
		}
		size = c.Size
		f.mu.Lock()
		f.pending.checkpoint = size
		f.mu.Unlock()
		if err := f.pace.nap(ctx, checkpointEvery, nil); err != nil {
			return err
		}
	}
}

func (f *feed) checkpointItem(ctx context.Context, c ledger.Checkpoint) (Item, error) {
	at := time.Now()
	if stored, _, err := f.journal.Reader().GetReadable(ctx, c.Size); err == nil && len(stored) == 1 {
		if r, err := stored[0].Record(); err == nil {
			at = r.Recorded
		}
	}
	p := Checkpoint{Origin: c.Origin, Size: c.Size, Root: base64.StdEncoding.EncodeToString(c.Root[:]), Time: at.UTC().Truncate(time.Millisecond), Note: string(c.Note)}
	body, err := f.format.checkpoint(&p)
	if err != nil {
		return Item{}, fmt.Errorf("format a checkpoint: %w", err)
	}
	return Item{ID: itemID(KindCheckpoint, c.Note), Kind: KindCheckpoint, Seq: c.Size, Time: p.Time, Key: p.Origin, Type: TypeCheckpoint, Body: body}, nil
}
