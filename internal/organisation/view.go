package organisation

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// ConditionBehind is raised while the view cannot take records in.
const ConditionBehind = "organisation.behind"

// Options configure a View; the zero value is what production uses.
type Options struct {
	Logger *slog.Logger // nil: silent
}

// View is the organisation as one journal tells it. See the package comment for what it promises.
type View struct {
	file   *viewfile.File
	logger *slog.Logger

	// Of the reading end: one request may ask whose very many containers are.
	names names

	// Of the writing end.
	sights *sights
}

// Open opens the view of the data directory for writing and makes its file if need be, so Position tells where to follow
// the journal from. One process at a time may write, which is the one that holds the journal.
func Open(ctx context.Context, dir string, o Options) (*View, error) {
	return open(ctx, Path(dir), o)
}

func open(ctx context.Context, path string, o Options) (*View, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	file, err := viewfile.Open(ctx, path, schema(), o.Logger)
	if err != nil {
		return nil, err
	}
	return &View{file: file, logger: o.Logger, sights: newSights()}, nil
}

// OpenReader opens the view for reading only, beside a process that writes it or without one. It fails with
// viewfile.ErrNone where there is none.
func OpenReader(ctx context.Context, dir string) (*View, error) {
	file, err := viewfile.OpenReader(ctx, Path(dir), schema())
	if err != nil {
		return nil, err
	}
	return &View{file: file}, nil
}

// Close closes the file.
func (v *View) Close() error { return v.file.Close() }

// Position is the last position of the journal the view knows; 0 for none.
func (v *View) Position(ctx context.Context) (uint64, error) { return v.file.Position(ctx) }

// Truncate empties the write-ahead log; see viewfile.File.Truncate.
func (v *View) Truncate(ctx context.Context) (bool, error) { return v.file.Truncate(ctx) }

// Apply takes in the next records of the journal, in order, all or none. Positions it knows are passed over. It is not for
// concurrent use.
func (v *View) Apply(ctx context.Context, batch []journal.Stored) error {
	if len(batch) == 0 {
		return nil
	}
	orders := 0
	err := v.file.Within(ctx, func(tx *viewfile.Tx) (err error) {
		orders, err = v.apply(ctx, tx, batch)
		return err
	})
	if err != nil {
		v.sights.drop()
		return fmt.Errorf("apply positions %d to %d to the view of the organisation: %w", batch[0].Seq, batch[len(batch)-1].Seq, err)
	}
	if orders > 0 || v.file.Uncut() { // the write-ahead log still holds what was erased
		_, err = v.file.Truncate(ctx)
	}
	return err
}

func (v *View) apply(ctx context.Context, tx *viewfile.Tx, batch []journal.Stored) (orders int, err error) {
	at, err := tx.Position(ctx)
	if err != nil {
		return 0, err
	}
	t := &taking{Tx: tx, sights: v.sights}
	for i := range batch {
		s := &batch[i]
		if s.Seq <= at {
			continue
		}
		at = s.Seq
		if s.Tombstone != nil {
			continue
		}
		if err := v.take(ctx, t, s); err != nil {
			return 0, fmt.Errorf("position %d: %w", s.Seq, err)
		}
	}
	if err := v.sights.flush(ctx, tx); err != nil {
		return 0, fmt.Errorf("accounts: %w", err)
	}
	if err := erase(ctx, tx, v.sights, t.orders); err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	return len(t.orders), tx.SetPosition(ctx, at)
}

// taking is one batch being taken in.
type taking struct {
	*viewfile.Tx
	sights *sights
	orders []uint64 // positions to be erased
}

// entry is one record that is looked into.
type entry struct {
	*audit.Record
	seq  uint64
	at   int64
	seen seen
}

// take takes in one record.
func (v *View) take(ctx context.Context, t *taking, s *journal.Stored) error {
	g, ok := look(s.Bytes)
	if !ok {
		v.logger.LogAttrs(ctx, slog.LevelWarn, "a record was not read for the view of the organisation", slog.Uint64("seq", s.Seq))
		return nil
	}
	var who seen
	if g.source != audit.SourceTripod && len(g.account) > 0 {
		who = t.sights.add(&g, s.Seq)
	}
	into := intoOf(&g)
	if into == nil {
		return nil
	}
	r, err := s.Record()
	if err != nil {
		v.logger.LogAttrs(ctx, slog.LevelWarn, "a record was not read for the view of the organisation", slog.Uint64("seq", s.Seq),
			slog.String("error", err.Error()))
		return nil
	}
	if r.Supersedes != "" { // the same act with another body, of which the vendor blanked something
		return nil
	}
	return into(ctx, t, &entry{Record: r, seq: s.Seq, at: g.at, seen: who})
}

// intoOf is what is done with a record beyond counting its account as seen; nil for most.
func intoOf(g *glance) func(context.Context, *taking, *entry) error {
	switch g.source {
	case audit.SourceComplianceActivity:
		return activityInto(string(g.typ))
	case audit.SourceAuditExport: // which names them alike
		if _, _, ok := switchOf(string(g.typ)); ok {
			return toggled
		}
	case audit.SourceComplianceDirectory:
		return directory
	case audit.SourceComplianceSettings:
		return snapshot
	case audit.SourceTripod:
		switch string(g.typ) {
		case audit.TypeEraseRecord, audit.TypeEraseRecords:
			return order
		case "tripod.compliance.requests":
			return ownRequests
		}
	}
	return nil
}

// order notes an order to erase records.
func order(_ context.Context, t *taking, e *entry) error {
	for _, o := range audit.ErasureOrders(e.Record) {
		t.orders = append(t.orders, o.Position)
	}
	return nil
}

// value is an attribute as text.
func (e *entry) value(name string) string {
	v, _ := e.Attributes.Get(name)
	return v.Text()
}

// told is an attribute as text, and whether the record has it.
func (e *entry) told(name string) (string, bool) {
	v, ok := e.Attributes.Get(name)
	return v.Text(), ok && v.Kind != audit.KindEmpty
}

// org is the organisation a record is about.
func (e *entry) org() string {
	if s := e.value("organization_uuid"); s != "" {
		return s
	}
	return e.Account.Proved.Org
}
