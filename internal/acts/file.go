package acts

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// ConditionBehind is raised while the file of positions cannot take records in. Decisions do not wait for it.
const ConditionBehind = "acts.behind"

// Path is where the file of positions is.
func Path(dir string) string { return filepath.Join(dir, "acts.db") }

var schema = viewfile.Schema{Version: 1, SQL: `CREATE TABLE acts (seq INTEGER PRIMARY KEY);`}

// File is the view that remembers at which positions acts stand.
type File struct{ *viewfile.File }

// OpenFile opens the view for writing. One process at a time may.
func OpenFile(ctx context.Context, path string, log *slog.Logger) (File, error) {
	f, err := viewfile.Open(ctx, path, schema, log)
	return File{f}, err
}

// Apply implements viewfile.Applier.
func (f File) Apply(ctx context.Context, batch []journal.Stored) error {
	if len(batch) == 0 {
		return nil
	}
	return f.Within(ctx, func(tx *viewfile.Tx) error {
		at, err := tx.Position(ctx)
		if err != nil {
			return err
		}
		for i := range batch {
			if batch[i].Seq <= at || act(&batch[i]) == nil {
				continue
			}
			if err := tx.Exec(ctx, `INSERT INTO acts VALUES (?)`, int64(batch[i].Seq)); err != nil {
				return err
			}
		}
		if last := batch[len(batch)-1].Seq; last > at {
			return tx.SetPosition(ctx, last)
		}
		return nil
	})
}

// Rebuild builds the file anew from the whole journal.
func Rebuild(ctx context.Context, dir string, r viewfile.Reader, progress func(done, last uint64)) error {
	return viewfile.Rebuild(ctx, Path(dir), func(path string) (File, error) {
		return OpenFile(ctx, path, slog.New(slog.DiscardHandler))
	}, r, progress)
}

// positions reads the file: where acts stand, and up to where it knows them all. Without a file both are nothing.
func positions(ctx context.Context, dir string) (seqs []uint64, at uint64, err error) {
	f, err := viewfile.OpenReader(ctx, Path(dir), schema)
	if errors.Is(err, viewfile.ErrNone) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if at, err = f.Position(ctx); err != nil { // first: what is added meanwhile stands behind it and is read from the journal
		return nil, 0, err
	}
	rows, err := f.Readers().QueryContext(ctx, `SELECT seq FROM acts WHERE seq <= ? ORDER BY seq`, int64(at))
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, 0, err
		}
		seqs = append(seqs, uint64(seq))
	}
	return seqs, at, rows.Err()
}
