package correlate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// Options configure a View; the zero value is what production uses.
type Options struct {
	Logger *slog.Logger // nil: silent
}

// View is the discrepancies of one journal. See the package comment for what it promises.
type View struct {
	file   *viewfile.File
	logger *slog.Logger

	// Of the writing end; nil where the view was opened for reading.
	names    *dictionary
	erased   *erasedSpans
	kinds    []kind
	position uint64
	clock    int64
	cached   bool // position and clock are those of the file
}

// Open opens the view of the data directory for writing and makes its file if need be; a file made by an older version is
// made anew, so Position tells where to follow the journal from. One process at a time may write, which is
// the one that holds the journal. Close it after Run has returned.
func Open(ctx context.Context, dir string, o Options) (*View, error) {
	v, err := open(ctx, Path(dir), o)
	if err != nil {
		return nil, fmt.Errorf("open index of discrepancies: %w", err)
	}
	return v, nil
}

func open(ctx context.Context, path string, o Options) (*View, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	file, err := viewfile.Open(ctx, path, schema(), o.Logger)
	if err != nil {
		return nil, err
	}
	names, erased := &dictionary{}, &erasedSpans{}
	return &View{
		file: file, logger: o.Logger, names: names, erased: erased,
		kinds: []kind{&gaps{names: names, erased: erased}, &calls{names: names}, &identities{}, &clocks{}, &ownCalls{}, &drifts{}},
	}, nil
}

// OpenReader opens the view for List, Count and Position only, beside a process that writes it or without one. It fails
// with ErrNoIndex where there is none.
func OpenReader(ctx context.Context, dir string) (*View, error) {
	file, err := viewfile.OpenReader(ctx, Path(dir), schema())
	if errors.Is(err, viewfile.ErrNone) {
		err = ErrNoIndex
	}
	if err != nil {
		return nil, fmt.Errorf("read index of discrepancies: %w", err)
	}
	return &View{file: file}, nil
}

// Close closes the files.
func (v *View) Close() error { return v.file.Close() }

// Position is the last position of the journal the view knows; 0 for none.
func (v *View) Position(ctx context.Context) (uint64, error) { return v.file.Position(ctx) }

// Apply takes in the next records of the journal, in order, all or none. Positions it knows are passed over, positions left out
// count as unreadable. It is not for concurrent use.
func (v *View) Apply(ctx context.Context, batch []journal.Stored) error {
	if v.names == nil {
		return errors.New("apply to index of discrepancies: it is open for reading only")
	}
	if len(batch) == 0 {
		return nil
	}
	var destroyed bool
	err := v.file.Within(ctx, func(tx *viewfile.Tx) (err error) {
		destroyed, err = v.apply(ctx, &transaction{Tx: tx}, batch)
		return err
	})
	if err != nil {
		v.forget()
		return fmt.Errorf("apply positions %d to %d to index of discrepancies: %w", batch[0].Seq, batch[len(batch)-1].Seq, err)
	}
	v.names.settle()
	if destroyed || v.file.Uncut() {
		_, err = v.Truncate(ctx)
	}
	return err
}

// forget drops all caches: they may be ahead of the file.
func (v *View) forget() {
	v.names.drop()
	v.erased.drop()
	for _, k := range v.kinds {
		k.drop()
	}
	v.cached = false
}

func (v *View) apply(ctx context.Context, tx *transaction, batch []journal.Stored) (destroyed bool, err error) {
	if err := v.load(ctx, tx); err != nil {
		return false, err
	}
	var orders []uint64
	for i := range batch {
		ordered, err := v.take(ctx, tx, &batch[i])
		if err != nil {
			return false, fmt.Errorf("position %d: %w", batch[i].Seq, err)
		}
		orders = append(orders, ordered...)
	}
	if at, ok := recordedAt(batch[len(batch)-1].Bytes); ok {
		v.clock = max(v.clock, at)
	}
	tx.clock = v.clock
	if err := v.flush(ctx, tx); err != nil {
		return false, err
	}
	for _, seq := range orders {
		if err := eraseAccounts(ctx, tx, seq); err != nil {
			return false, fmt.Errorf("erase account details: %w", err)
		}
	}
	return len(orders) > 0, tx.Exec(ctx, `UPDATE cursor SET position = ?, clock = ?`, int64(v.position), v.clock)
}

func (v *View) load(ctx context.Context, tx *transaction) error {
	if !v.cached {
		if _, err := tx.Row(ctx, `SELECT position, clock FROM cursor`, nil, &v.position, &v.clock); err != nil {
			return err
		}
		v.cached = true
	}
	if err := v.names.open(ctx, tx); err != nil {
		return err
	}
	return v.erased.open(ctx, tx)
}

// take shows one position to the kinds. It returns the positions that the record orders to be erased.
func (v *View) take(ctx context.Context, tx *transaction, s *journal.Stored) (orders []uint64, err error) {
	if s.Seq <= v.position {
		return nil, nil
	}
	for ; v.position+1 < s.Seq; v.position++ {
		v.erased.add(v.position + 1)
	}
	v.position = s.Seq
	if s.Tombstone != nil {
		v.erased.add(s.Seq)
		return nil, nil
	}
	if !relevant(s.Bytes) {
		return nil, nil
	}
	r, err := s.Record()
	if err != nil {
		// It is in the journal, so it did come; what cannot be read here, verify reports.
		v.logger.LogAttrs(ctx, slog.LevelWarn, "record not read for discrepancies", slog.Uint64("seq", s.Seq), slog.String("error", err.Error()))
		v.erased.add(s.Seq)
		return nil, nil
	}
	at := r.Recorded.UnixMicro()
	v.clock = max(v.clock, at)
	v.erased.passed(at)
	if r.Source == audit.SourceTripod {
		if orders, err := v.order(ctx, tx, r); err != nil || len(orders) > 0 {
			return orders, err
		}
	}
	for _, k := range v.kinds {
		if err := k.observe(ctx, tx, r, s.Seq); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// order reads an order to erase records and has the kinds forget their account details.
func (v *View) order(ctx context.Context, tx *transaction, r *audit.Record) (orders []uint64, err error) {
	for _, o := range audit.ErasureOrders(r) {
		if err := v.names.forgetAccount(ctx, tx, o.Position); err != nil {
			return nil, err
		}
		for _, k := range v.kinds {
			if err := k.erase(ctx, tx, o.Position); err != nil {
				return nil, err
			}
		}
		orders = append(orders, o.Position)
	}
	return orders, nil
}

func (v *View) flush(ctx context.Context, tx *transaction) error {
	// Sessions come first: what kinds write refers to them, and they read it back. Kinds change them in turn.
	if err := v.names.flush(ctx, tx); err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	if err := v.erased.flush(ctx, tx); err != nil {
		return fmt.Errorf("tombstones: %w", err)
	}
	for _, k := range v.kinds {
		if err := k.flush(ctx, tx); err != nil {
			return err
		}
	}
	if err := v.names.flush(ctx, tx); err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	return nil
}

// Truncate empties the write-ahead log, which still holds what was erased. A reader may hold it for a moment; then the next
// batch or the next start empties it.
func (v *View) Truncate(ctx context.Context) (empty bool, err error) {
	empty, err = v.file.Truncate(ctx)
	if err == nil && !empty {
		v.logger.LogAttrs(ctx, slog.LevelInfo, "write-ahead log of the index of discrepancies not emptied after an erasure: a reader holds it")
	}
	return empty, err
}

var (
	sourceField   = []byte(`"source":"`)
	recordedField = []byte(`"recorded":"`)
	flagsField    = []byte(`"flags":[`)
	fromLogs      = []byte(audit.SourceOTelLog + `"`)
	fromTripod    = []byte(audit.SourceTripod + `"`)
	fromSettings  = []byte(audit.SourceComplianceSettings + `"`)
	settingChange = []byte(`"activity":"` + audit.ActivitySettingChange + `"`)
	fromActivity  = []byte(audit.SourceComplianceActivity + `"`)
	eraseType     = []byte(`"type":"` + audit.TypeEraseRecord) // and TypeEraseRecords
	callTypes     = []byte(`"type":"tripod.compliance.`)
	statementType = []byte(`"type":"tripod.feed.statement"`)
	accessedType  = []byte(`"type":"compliance_api_accessed"`)
)

// relevant reports whether any kind looks at the record, by its bytes: decoding it costs more than all else.
func relevant(b []byte) bool {
	i := bytes.Index(b[:min(len(b), 1024)], sourceField)
	if i < 0 {
		return true
	}
	switch source := b[i+len(sourceField):]; {
	case bytes.HasPrefix(source, fromLogs):
		return true
	case bytes.HasPrefix(source, fromTripod):
		return bytes.Contains(b, eraseType) || bytes.Contains(b, callTypes) || bytes.Contains(b, statementType)
	case bytes.HasPrefix(source, fromActivity) && (bytes.Contains(b, accessedType) || bytes.Contains(b, settingChange)), bytes.HasPrefix(source, fromSettings):
		return true
	}
	return bytes.Contains(b, flagsField)
}

// recordedAt reads when a record entered the journal from its bytes, in µs.
func recordedAt(b []byte) (int64, bool) {
	i := bytes.Index(b, recordedField)
	if i < 0 {
		return 0, false
	}
	rest := b[i+len(recordedField):]
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(rest[:end]))
	return t.UnixMicro(), err == nil
}
