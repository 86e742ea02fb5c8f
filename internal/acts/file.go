package acts

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// ConditionBehind is raised while the file of positions cannot take records in. Decisions do not wait for it.
const ConditionBehind = "acts.behind"

// Path is where the file of positions is.
func Path(dir string) string { return filepath.Join(dir, "acts.db") }

var schema = viewfile.Schema{Version: 2, SQL: `
CREATE TABLE acts (seq INTEGER PRIMARY KEY);
CREATE TABLE seal (id INTEGER PRIMARY KEY CHECK (id = 1), chain BLOB NOT NULL, mac BLOB NOT NULL);`}

// Key seals the file of positions. The zero Key seals nothing: for tests.
type Key = [32]byte

// errSeal says that somebody else than Tripod wrote the file, or with another key. It is then of no use.
var errSeal = errors.New("the file of acts does not bear its seal")

// chained goes on with the digest of the positions of acts.
func chained(key *Key, chain []byte, seq uint64) []byte {
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte("tripod/acts/v1"))
	m.Write(chain)
	m.Write(binary.BigEndian.AppendUint64(nil, seq))
	return m.Sum(nil)
}

// sealed is the seal of a file that knows all acts up to a position.
func sealed(key *Key, chain []byte, at uint64) []byte {
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte("tripod/acts/seal/v1"))
	m.Write(chain)
	m.Write(binary.BigEndian.AppendUint64(nil, at))
	return m.Sum(nil)
}

// File is the view that remembers at which positions acts stand. It is sealed, so that no decision is forgotten at the next
// start because somebody took its position out.
type File struct {
	*viewfile.File
	key Key
}

// OpenFile opens the view for writing. One process at a time may. A file that does not bear its seal begins anew.
func OpenFile(ctx context.Context, path string, key Key, log *slog.Logger) (File, error) {
	f, err := viewfile.Open(ctx, path, schema, log)
	if err != nil {
		return File{}, err
	}
	if _, _, err = read(ctx, f, &key); errors.Is(err, errSeal) {
		log.WarnContext(ctx, "the file of acts is made anew", "reason", err)
		if err := errors.Join(f.Close(), viewfile.Remove(path)); err != nil {
			return File{}, fmt.Errorf("discard the file of acts: %w", err)
		}
		f, err = viewfile.Open(ctx, path, schema, log)
	}
	if err != nil {
		return File{}, errors.Join(err, closed(f))
	}
	return File{f, key}, nil
}

func closed(f *viewfile.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
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
		var chain []byte
		if _, err := tx.Row(ctx, `SELECT chain FROM seal`, nil, &chain); err != nil {
			return err
		}
		for i := range batch {
			if batch[i].Seq <= at || act(&batch[i]) == nil {
				continue
			}
			if err := tx.Exec(ctx, `INSERT INTO acts VALUES (?)`, int64(batch[i].Seq)); err != nil {
				return err
			}
			chain = chained(&f.key, chain, batch[i].Seq)
		}
		last := batch[len(batch)-1].Seq
		if last <= at {
			return nil
		}
		if chain == nil {
			chain = []byte{}
		}
		if err := tx.Exec(ctx, `INSERT INTO seal VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET chain = excluded.chain, mac = excluded.mac`,
			chain, sealed(&f.key, chain, last)); err != nil {
			return err
		}
		return tx.SetPosition(ctx, last)
	})
}

// Rebuild builds the file anew from the whole journal.
func Rebuild(ctx context.Context, dir string, key Key, r viewfile.Reader, progress func(done, last uint64)) error {
	return viewfile.Rebuild(ctx, Path(dir), func(path string) (File, error) {
		return OpenFile(ctx, path, key, slog.New(slog.DiscardHandler))
	}, r, progress)
}

// positions reads the file: where acts stand, and up to where it knows them all. Without a file, or with one that cannot be
// read or that somebody else wrote, both are nothing, and the journal is read instead.
func positions(ctx context.Context, dir string, key *Key) (seqs []uint64, at uint64) {
	f, err := viewfile.OpenReader(ctx, Path(dir), schema)
	if err != nil {
		return nil, 0
	}
	seqs, at, err = read(ctx, f, key)
	if errors.Join(err, f.Close()) != nil {
		return nil, 0
	}
	return seqs, at
}

// read reads a file and checks its seal, all at one moment.
func read(ctx context.Context, f *viewfile.File, key *Key) (seqs []uint64, at uint64, err error) {
	tx, err := f.Readers().BeginTx(ctx, nil)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	var position int64
	if err := tx.QueryRowContext(ctx, `SELECT position FROM cursor`).Scan(&position); err != nil {
		return nil, 0, err
	}
	at = uint64(position)
	rows, err := tx.QueryContext(ctx, `SELECT seq FROM acts ORDER BY seq`)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var chain []byte
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, 0, err
		}
		seqs, chain = append(seqs, uint64(seq)), chained(key, chain, uint64(seq))
	}
	if err := rows.Err(); err != nil {
		return nil, 0, err
	}
	var mac []byte
	if err := tx.QueryRowContext(ctx, `SELECT coalesce((SELECT mac FROM seal), x'')`).Scan(&mac); err != nil {
		return nil, 0, err
	}
	if empty := at == 0 && len(seqs) == 0 && len(mac) == 0; !empty && !hmac.Equal(mac, sealed(key, chain, at)) {
		return nil, 0, errSeal
	}
	return seqs, at, nil
}
