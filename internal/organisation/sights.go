package organisation

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// mostKnown bounds what is remembered between batches; clients choose what they assert.
const mostKnown = 1 << 16

// sights gathers, over a batch, who was seen where and what belongs to whom, so that it is written once a batch.
type sights struct {
	read   map[string]*seen   // by the account object as records spell it
	ids    map[subject]int64  // rows of accounts
	spans  map[sighting]*span // of the batch
	owners map[owning]*span   // of the batch
}

type sighting struct {
	who   *seen
	plane audit.Plane
}

type owning struct {
	container string
	who       *seen
}

// span is from when to when, and which records say so.
type span struct {
	first, last       int64
	firstSeq, lastSeq uint64
	created           bool
}

func newSights() *sights {
	x := &sights{}
	x.drop()
	return x
}

// drop forgets everything: it may be ahead of the file.
func (x *sights) drop() {
	x.read, x.ids = make(map[string]*seen), make(map[subject]int64)
	x.spans, x.owners = make(map[sighting]*span), make(map[owning]*span)
}

// add counts the account of a record as seen.
func (x *sights) add(g *glance, seq uint64) seen {
	who := x.read[string(g.account)]
	if who == nil {
		s := readAccount(g.account)
		who = &s
		x.read[string(g.account)] = who
	}
	if who.subject == "" {
		return *who
	}
	plane := g.source.Plane()
	if g.source == audit.SourceComplianceDirectory || g.source == audit.SourceComplianceSettings {
		plane = "" // that it is listed is no act of its own
	}
	key := sighting{who, plane}
	x.spans[key] = x.spans[key].with(g, seq)
	if len(g.container) > 0 && plane != "" && owned(g.container) {
		key := owning{string(g.container), who}
		o := x.owners[key].with(g, seq)
		o.created = o.created || g.created
		x.owners[key] = o
	}
	return *who
}

func (s *span) with(g *glance, seq uint64) *span {
	if s == nil {
		s = &span{first: math.MaxInt64, last: math.MinInt64, firstSeq: seq}
	}
	s.first, s.last, s.lastSeq = min(s.first, g.at), max(s.last, g.at), seq
	return s
}

// flush writes what the batch saw.
func (x *sights) flush(ctx context.Context, tx *viewfile.Tx) error {
	for key, s := range x.spans {
		id, err := x.id(ctx, tx, key.who.subject)
		if err != nil {
			return err
		}
		if key.plane != "" {
			err := tx.Exec(ctx, `INSERT INTO sightings VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET `+wider,
				id, string(key.plane), key.who.proved, s.first, s.last, int64(s.firstSeq), int64(s.lastSeq))
			if err != nil {
				return fmt.Errorf("sightings: %w", err)
			}
		}
		for _, a := range key.who.aliases {
			err := tx.Exec(ctx, `INSERT INTO aliases VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET `+wider,
				id, a.kind, a.value, key.who.proved, s.first, s.last, int64(s.firstSeq), int64(s.lastSeq))
			if err != nil {
				return fmt.Errorf("aliases: %w", err)
			}
		}
	}
	if err := x.flushOwners(ctx, tx); err != nil {
		return err
	}
	clear(x.spans)
	clear(x.owners)
	if len(x.read) > mostKnown || len(x.ids) > mostKnown {
		x.drop()
	}
	return nil
}

// ownersAtOnce is how many rows one statement takes: the driver costs more than a row does.
const ownersAtOnce = 50

// flushOwners writes whose a container is, in the order of the table: a history can name a container in each record.
func (x *sights) flushOwners(ctx context.Context, tx *viewfile.Tx) error {
	const row, columns = "(?,?,?,?,?,?,?,?)", 8
	one := `INSERT INTO owners VALUES ` + row + ` ON CONFLICT DO UPDATE SET created = max(created, excluded.created), ` + wider
	many := strings.Replace(one, row, row+strings.Repeat(","+row, ownersAtOnce-1), 1)
	keys := slices.SortedFunc(maps.Keys(x.owners), func(a, b owning) int { return strings.Compare(a.container, b.container) })
	args := make([]any, 0, ownersAtOnce*columns)
	for i, key := range keys {
		id, err := x.id(ctx, tx, key.who.subject)
		if err != nil {
			return err
		}
		s := x.owners[key]
		args = append(args, key.container, id, key.who.proved, s.created, s.first, s.last, int64(s.firstSeq), int64(s.lastSeq))
		query := many
		if rest := len(keys) - i/ownersAtOnce*ownersAtOnce; rest < ownersAtOnce { // the last ones
			query = one
		}
		if query == many && len(args) < cap(args) {
			continue
		}
		if err := tx.Exec(ctx, query, args...); err != nil {
			return fmt.Errorf("owners: %w", err)
		}
		args = args[:0]
	}
	return nil
}

// wider widens the span of a row that is there already.
const wider = `first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at), last_seq = excluded.last_seq`

// id is the row of an account.
func (x *sights) id(ctx context.Context, tx *viewfile.Tx, s subject) (int64, error) {
	if id, ok := x.ids[s]; ok {
		return id, nil
	}
	if err := tx.Exec(ctx, `INSERT INTO accounts (anchor) VALUES (?) ON CONFLICT DO NOTHING`, s); err != nil {
		return 0, fmt.Errorf("accounts: %w", err)
	}
	var id int64
	if _, err := tx.Row(ctx, `SELECT id FROM accounts WHERE anchor = ?`, []any{s}, &id); err != nil {
		return 0, fmt.Errorf("accounts: %w", err)
	}
	x.ids[s] = id
	return id, nil
}

// owned reports whether a container is one that belongs to accounts: an organisation belongs to itself.
func owned(container []byte) bool {
	switch kind, _, _ := cutByte(container, '/'); string(kind) {
	case "session", "chat", "project", "file":
		return true
	}
	return false
}

func cutByte(b []byte, sep byte) (before, after []byte, found bool) {
	for i, c := range b {
		if c == sep {
			return b[:i], b[i+1:], true
		}
	}
	return b, nil, false
}
