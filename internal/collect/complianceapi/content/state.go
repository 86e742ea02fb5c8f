package content

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/intake"
)

// state is all a part must remember. It is committed with the records it speaks of.
type state struct {
	Version int       `json:"v"`
	Salt    []byte    `json:"salt"`            // keys the ids of what has none
	Start   time.Time `json:"start"`           // what changed since was asked for
	Seen    time.Time `json:"seen"`            // by the server; a round that began then was read to its end
	After   string    `json:"after,omitempty"` // where a list that resumes goes on
	Whole   time.Time `json:"whole,omitzero"`  // by the server; when all insides were last read
	Walk    *walk     `json:"walk,omitempty"`  // the round under way
	Pending []item    `json:"pending,omitempty"`
	Later   later     `json:"-"`   // in cursors of its own
	Sum     sum       `json:"sum"` // not stated yet
	// Listed are the surfaces of the objects that were listed, Kept those of which the policy kept text when they last were.
	// Where it keeps more than it did, everything is read again.
	Listed []audit.Surface `json:"listed,omitempty"`
	Kept   []audit.Surface `json:"kept,omitempty"`
	Again  bool            `json:"again,omitempty"` // the next round is from the start and reads all insides
}

const stateVersion = 1

// walk is a round under way, page by page.
type walk struct {
	Since    time.Time `json:"since"`
	Began    time.Time `json:"began,omitzero"` // by the server, with the first page
	Page     string    `json:"page,omitempty"`
	Whole    bool      `json:"whole,omitempty"`  // the one of a day
	Inside   bool      `json:"inside,omitempty"` // of every object the inside is read
	Restarts int       `json:"restarts,omitempty"`
}

// item is one thing whose inside is to be read. It has identifiers and times alone: cursors lie outside the encryption of content,
// and erasure does not reach them.
type item struct {
	Kind    string            `json:"kind"`
	ID      string            `json:"id"`
	Subject normalise.Subject `json:"of"`
	Page    string            `json:"page,omitempty"`
	Began   time.Time         `json:"began,omitzero"` // by the server, with the first page
	At      int64             `json:"at,omitempty"`   // messages read so far
	Limit   int               `json:"limit,omitempty"`
	Due     time.Time         `json:"due,omitzero"`
	Tries   int               `json:"tries,omitempty"`
	Settled bool              `json:"settled,omitempty"` // this is the last reading until it changes again
	Version string            `json:"version,omitempty"`
	Made    time.Time         `json:"made,omitzero"` // the version, for which no route tells it
}

func (i *item) same(o *item) bool { return i.Kind == o.Kind && i.ID == o.ID && i.Version == o.Version }

// sum is what was read since the last statement.
type sum struct {
	From     time.Time `json:"from,omitzero"`
	Rows     int64     `json:"rows,omitempty"`
	Requests int64     `json:"requests,omitempty"`
	First    string    `json:"first,omitempty"` // request ids
	Last     string    `json:"last,omitempty"`
	Read     time.Time `json:"read,omitzero"` // by the server
}

func (s *sum) add(rows int, request string, date time.Time) {
	if s.First == "" {
		s.First = request
	}
	s.Last, s.Read = request, date
	s.Rows += int64(rows)
	s.Requests++
}

// load reads the state committed last.
func (r *runner) load(ctx context.Context) error {
	b, err := r.cursors.Cursor(ctx, r.cursor)
	if err != nil {
		return fmt.Errorf("read the cursor of %s: %w", r.part.says, err)
	}
	if b == nil {
		r.st = state{Version: stateVersion, Salt: make([]byte, 16)}
		_, err := rand.Read(r.st.Salt)
		return err
	}
	if err := json.Unmarshal(b, &r.st); err != nil {
		return fmt.Errorf("read the cursor of %s: %w", r.part.says, err)
	}
	if r.st.Version != stateVersion {
		return fmt.Errorf("read the cursor of %s: it has version %d, and this build knows %d: use the newer build", r.part.says, r.st.Version, stateVersion)
	}
	if err := r.st.Later.load(ctx, r.cursors, r.cursor); err != nil {
		return err
	}
	r.durable = r.st.Later
	r.follow()
	return nil
}

// clone copies what a step may change: a step works on a copy, which takes the state's place once it is durable.
func (s *state) clone() state {
	n := *s
	n.Pending, n.Listed, n.Kept = slices.Clone(s.Pending), slices.Clone(s.Listed), slices.Clone(s.Kept)
	if s.Walk != nil {
		w := *s.Walk
		n.Walk = &w
	}
	return n
}

// mostPending is how many things stand in the state itself, which is written with each page of what is inside them. A page of a
// list brings up to a thousand: the others lie in the drawers of what is due later, due at once.
const mostPending = 32

// enqueue has things read next; what was to be read of the same later is done with that. What is put off keeps its time: one
// that changes all the time would be tried all the time, and never be given up.
func (s *state) enqueue(items []item) {
	for i := range items {
		if was, ok := s.Later.drop(&items[i]); ok && was.Tries > 0 {
			items[i].Due, items[i].Tries, items[i].Limit = was.Due, was.Tries, was.Limit
			s.Later.put(items[i])
			continue
		}
		switch {
		case slices.ContainsFunc(s.Pending, func(p item) bool { return p.same(&items[i]) && p.Page == "" }):
		case len(s.Pending) >= mostPending:
			s.Later.put(items[i])
		default:
			s.Pending = append(s.Pending, items[i])
		}
	}
}

// commit makes drafts durable together with the state that follows from them.
func (r *runner) commit(ctx context.Context, next state, drafts []intake.Draft) (intake.Receipt, error) {
	cursors, err := r.encode(next)
	if err != nil {
		return intake.Receipt{}, err
	}
	receipt, err := r.door.Submit(ctx, intake.Delivery{Credential: r.cfg.Credential, Drafts: drafts, Cursors: cursors})
	if err != nil {
		return receipt, err
	}
	r.st, r.durable = next, next.Later
	return receipt, nil
}

// took is commit, and counts.
func (r *runner) took(ctx context.Context, next state, drafts []intake.Draft) error {
	made := len(drafts)
	receipt, err := r.commit(ctx, next, drafts)
	if err == nil {
		r.stats.took(r.part.name, made, receipt.Duplicates)
	}
	return err
}

// act records an own act together with the state that follows from it.
func (r *runner) act(ctx context.Context, next state, a intake.Act) error {
	cursors, err := r.encode(next)
	if err != nil {
		return err
	}
	if _, err := r.door.Record(ctx, a, cursors); err != nil {
		return err
	}
	r.st, r.durable = next, next.Later
	return nil
}

func (r *runner) encode(s state) (map[string][]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the cursor of %s: %w", r.part.says, err)
	}
	cursors := map[string][]byte{r.cursor: b}
	return cursors, s.Later.encode(&r.durable, r.cursor, cursors)
}
