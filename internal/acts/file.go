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
	"time"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// ConditionBehind is raised while the file of positions cannot take records in. Decisions do not wait for it.
const ConditionBehind = "acts.behind"

// Path is where the file of positions is.
func Path(dir string) string { return filepath.Join(dir, "acts.db") }

// back is the latest time before a record that the clock was set back at; high the latest since. Both are Unix nanoseconds,
// 0 for none.
var schema = viewfile.Schema{Version: 3, SQL: `
CREATE TABLE acts (seq INTEGER PRIMARY KEY, back INTEGER NOT NULL);
CREATE TABLE seal (id INTEGER PRIMARY KEY CHECK (id = 1), chain BLOB NOT NULL, high INTEGER NOT NULL, mac BLOB NOT NULL);`}

// Key seals the file of positions. The zero Key seals nothing: for tests.
type Key = [32]byte

// errSeal says that somebody else than Tripod wrote the file, or with another key. It is then of no use.
var errSeal = errors.New("the file of acts does not bear its seal")

// chained goes on with the digest of the positions of acts.
func chained(key *Key, chain []byte, seq uint64, back int64) []byte {
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte("tripod/acts/v2"))
	m.Write(chain)
	m.Write(binary.BigEndian.AppendUint64(nil, seq))
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(back)))
	return m.Sum(nil)
}

// sealed is the seal of a file that knows all acts up to a position.
func sealed(key *Key, chain []byte, at uint64, high int64) []byte {
	m := hmac.New(sha256.New, key[:])
	m.Write([]byte("tripod/acts/seal/v2"))
	m.Write(chain)
	m.Write(binary.BigEndian.AppendUint64(nil, at))
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(high)))
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
	if _, err = read(ctx, f, &key); errors.Is(err, errSeal) {
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
		var nanos int64
		if _, err := tx.Row(ctx, `SELECT chain, high FROM seal`, nil, &chain, &nanos); err != nil {
			return err
		}
		latest := high{timeOf(nanos)}
		for i := range batch {
			r := record(&batch[i])
			if batch[i].Seq <= at || r == nil {
				continue
			}
			back := nanosOf(latest.see(r))
			if back == 0 && !isAct(r) {
				continue
			}
			if err := tx.Exec(ctx, `INSERT INTO acts VALUES (?, ?)`, int64(batch[i].Seq), back); err != nil {
				return err
			}
			chain = chained(&f.key, chain, batch[i].Seq, back)
		}
		last := batch[len(batch)-1].Seq
		if last <= at {
			return nil
		}
		if chain == nil {
			chain = []byte{}
		}
		if err := tx.Exec(ctx, `INSERT INTO seal VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET chain = excluded.chain, high = excluded.high, mac = excluded.mac`,
			chain, nanosOf(latest.Time), sealed(&f.key, chain, last, nanosOf(latest.Time))); err != nil {
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

// memory is what the file remembers: where acts stand, and up to where it knows them all.
type memory struct {
	seqs []uint64
	back map[uint64]time.Time // the latest time before a record that the clock was set back at
	high high
	at   uint64
}

func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}

func nanosOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// remembered reads the file. Without one, or with one that cannot be read or that somebody else wrote, it is nothing, and the
// journal is read instead.
func remembered(ctx context.Context, dir string, key *Key) *memory {
	f, err := viewfile.OpenReader(ctx, Path(dir), schema)
	if err != nil {
		return new(memory)
	}
	known, err := read(ctx, f, key)
	if errors.Join(err, f.Close()) != nil {
		return new(memory)
	}
	return known
}

// read reads a file and checks its seal, all at one moment.
func read(ctx context.Context, f *viewfile.File, key *Key) (known *memory, err error) {
	tx, err := f.Readers().BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	var position int64
	if err := tx.QueryRowContext(ctx, `SELECT position FROM cursor`).Scan(&position); err != nil {
		return nil, err
	}
	known = &memory{at: uint64(position), back: make(map[uint64]time.Time)}
	rows, err := tx.QueryContext(ctx, `SELECT seq, back FROM acts ORDER BY seq`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var chain []byte
	for rows.Next() {
		var seq, back int64
		if err := rows.Scan(&seq, &back); err != nil {
			return nil, err
		}
		known.seqs, chain = append(known.seqs, uint64(seq)), chained(key, chain, uint64(seq), back)
		if back != 0 {
			known.back[uint64(seq)] = timeOf(back)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	var mac []byte
	var nanos int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce((SELECT mac FROM seal), x''), coalesce((SELECT high FROM seal), 0)`).Scan(&mac, &nanos); err != nil {
		return nil, err
	}
	known.high = high{timeOf(nanos)}
	if empty := position == 0 && len(known.seqs) == 0 && len(mac) == 0; !empty && !hmac.Equal(mac, sealed(key, chain, known.at, nanos)) {
		return nil, errSeal
	}
	return known, nil
}
