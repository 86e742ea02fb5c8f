package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal/frame"
)

// Row is a row of the journal as a backup keeps it: a frame, and the salts of what is in it.
type Row struct {
	First    uint64
	Count    int
	Recorded int64  // the newest time of recording in it, Unix milliseconds
	IDs      []byte // 16 bytes a record, or none
	Frame    []byte
	Salts    []byte // 16 bytes a record, zeros where it was erased
}

// Last is the position of the row's last record.
func (r *Row) Last() uint64 { return r.First + uint64(max(r.Count, 1)) - 1 }

// Lasting is an id that is remembered for ever.
type Lasting struct {
	ID   []byte
	Body []byte
	Seq  uint64
}

// Mark reads the newest position and every cursor, as of one moment. What a cursor stands for is at or before the position.
func (r *Reader) Mark(ctx context.Context) (last uint64, cursors map[string][]byte, err error) {
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, nil, fmt.Errorf("read %s: %w", r.path, err)
	}
	defer func() { _ = tx.Rollback() }()
	err = tx.QueryRowContext(ctx, "SELECT first + count - 1 FROM frames ORDER BY first DESC LIMIT 1").Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, nil, fmt.Errorf("read %s: %w", r.path, err)
	}
	rows, err := tx.QueryContext(ctx, "SELECT name, value FROM cursors")
	if err != nil {
		return 0, nil, fmt.Errorf("read cursors of %s: %w", r.path, err)
	}
	defer rows.Close()
	cursors = make(map[string][]byte)
	for rows.Next() {
		var name string
		var value []byte
		if err := rows.Scan(&name, &value); err != nil {
			return 0, nil, fmt.Errorf("read cursors of %s: %w", r.path, err)
		}
		cursors[name] = value
	}
	return last, cursors, rows.Err()
}

// Rows reads rows from the one that begins at a position on, until one reaches to or they hold so many bytes: at least one
// row, unless there is none. Each row is as of one moment; a frame that was moved comes as if it stood in its row. Positions
// that no row covers, and rows that do not hold what they say, are a *CorruptError.
func (r *Reader) Rows(ctx context.Context, from, to uint64, bytes int) (list []Row, err error) {
	rows, err := r.db.QueryContext(ctx, "SELECT first, count, recorded, ids, CASE WHEN substr(frame, 1, 1) = x'02' THEN (SELECT m.frame FROM moved AS m WHERE m.id = "+
		movedID+") ELSE frame END, "+fmt.Sprintf(saltsColumn, "f.first", "f.first + min(f.count, 1000) - 1")+
		" FROM frames AS f WHERE first >= ? AND first <= ? ORDER BY first", int64(from), int64(to))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.path, err)
	}
	defer rows.Close()
	for size := 0; size < bytes && rows.Next(); {
		var row Row
		if err := rows.Scan(&row.First, &row.Count, &row.Recorded, &row.IDs, &row.Frame, &row.Salts); err != nil {
			return nil, fmt.Errorf("read %s: %w", r.path, err)
		}
		if row.First != from {
			return nil, &CorruptError{First: from, Count: row.First - from, Err: errNoRow}
		}
		if err := row.check(); err != nil {
			return nil, &CorruptError{First: row.First, Count: uint64(max(row.Count, 1)), Err: err}
		}
		size += len(row.IDs) + len(row.Frame) + len(row.Salts)
		list, from = append(list, row), row.Last()+1
	}
	if err := rows.Err(); err != nil {
		if isDamage(err) {
			return nil, &CorruptError{First: from, Count: 1, Err: err}
		}
		return nil, fmt.Errorf("read %s: %w", r.path, err)
	}
	return list, nil
}

// check holds the parts of a row against each other.
func (r *Row) check() error {
	f, err := frame.Parse(r.Frame)
	if err != nil {
		return err
	}
	if f.First != r.First || f.Records != r.Count {
		return fmt.Errorf("the frame holds %d records from %d on, its row says %d from %d on", f.Records, f.First, r.Count, r.First)
	}
	if len(r.Salts) != r.Count*len(audit.Salt{}) {
		return fmt.Errorf("%d bytes of salts for %d records", len(r.Salts), r.Count)
	}
	if n := len(r.IDs) / len(Digest{}); len(r.IDs)%len(Digest{}) != 0 || n != 0 && n != r.Count {
		return fmt.Errorf("%d bytes of ids for %d records", len(r.IDs), r.Count)
	}
	return nil
}

// Decoder decodes rows outside a journal. It is safe for concurrent use.
type Decoder struct{ codec *frame.Codec }

// NewDecoder makes a decoder; Close it.
func NewDecoder() (*Decoder, error) {
	c, err := frame.NewCodec(false)
	if err != nil {
		return nil, err
	}
	return &Decoder{c}, nil
}

// Close frees it.
func (d *Decoder) Close() { d.codec.Close() }

// Each hands out what stands at the row's positions, in order. It ends with the first error: that of each, or a *CorruptError.
func (d *Decoder) Each(r *Row, each func(Stored) error) error {
	if err := r.check(); err != nil {
		return &CorruptError{First: r.First, Count: uint64(max(r.Count, 1)), Err: err}
	}
	in := row{first: r.First, count: r.Count, frame: r.Frame, salts: r.Salts, from: r.First}
	for _, s := range in.decode(d.codec, nil, wanted{lo: r.First, hi: r.Last()}) {
		if s.err != nil {
			return s.err
		}
		if err := each(s.stored); err != nil {
			return err
		}
	}
	return nil
}

// Lasting reads the ids remembered for ever of the positions behind after and up to through, in the order of the ids, and
// hands them out in pages. Such an id is never changed or taken back.
func (r *Reader) Lasting(ctx context.Context, after, through uint64, each func(Lasting) error) error {
	const page = 20_000
	id, body := []byte{}, []byte{}
	for {
		n, err := r.lastingPage(ctx, &id, &body, page, func(l Lasting) error {
			if l.Seq <= after || l.Seq > through {
				return nil
			}
			return each(l)
		})
		if err != nil {
			return fmt.Errorf("read lasting ids of %s: %w", r.path, err)
		}
		if n < page {
			return nil
		}
	}
}

func (r *Reader) lastingPage(ctx context.Context, id, body *[]byte, limit int, each func(Lasting) error) (n int, err error) {
	rows, err := r.db.QueryContext(ctx, "SELECT id, body, seq FROM forever WHERE (id, body) > (?, ?) ORDER BY id, body LIMIT ?", *id, *body, limit)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		var l Lasting
		if err := rows.Scan(&l.ID, &l.Body, &l.Seq); err != nil {
			return n, err
		}
		*id, *body = l.ID, l.Body
		if err := each(l); err != nil {
			return n, err
		}
	}
	return n, rows.Err()
}
