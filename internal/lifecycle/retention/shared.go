package retention

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/journal"
)

// going are the parts that a purge is to destroy, and of the content in question what records that stay need.
type going struct {
	parts  map[What]map[uint64]struct{}
	needed map[string]map[string]bool // by container and address, of content in question; true: needed
	at     uint64                     // up to where records were asked what they need
}

func newGoing() *going {
	return &going{parts: map[What]map[uint64]struct{}{Records: {}, Texts: {}, Details: {}}, needed: make(map[string]map[string]bool)}
}

func (g *going) add(seq uint64, r *audit.Record, w What) {
	g.parts[w][seq] = struct{}{}
	for _, c := range r.Content {
		if c.Address == "" || w != Records && !w.is(c.Class) {
			continue
		}
		if g.needed[r.Container] == nil {
			g.needed[r.Container] = make(map[string]bool)
		}
		g.needed[r.Container][c.Address] = false
	}
}

// goes reports whether a piece of content of a record goes.
func (g *going) goes(seq uint64, c audit.Content) bool {
	if _, ok := g.parts[Records][seq]; ok {
		return true
	}
	_, ok := g.parts[What(c.Class)][seq]
	return ok
}

// ask reads every record up to the journal's end that it has not read yet, and notes what those that stay need.
func (g *going) ask(ctx context.Context, j *journal.Reader) error {
	if len(g.needed) == 0 {
		return nil
	}
	last, err := j.Last(ctx)
	if err != nil || g.at >= last {
		return err
	}
	for s, err := range j.Scan(ctx, g.at+1, last) {
		var corrupt *journal.CorruptError
		if errors.As(err, &corrupt) {
			return fmt.Errorf("what record %d refers to cannot be read, so nothing that it may need is purged: %w", corrupt.First, err)
		}
		if err != nil {
			return err
		}
		if s.Tombstone == nil {
			if err := g.record(&s); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	g.at = last
	return nil
}

func (g *going) record(s *journal.Stored) error {
	_, rest, found := bytes.Cut(s.Bytes, []byte(`"container":"`))
	if !found {
		return nil
	}
	// The first member of that name is the record's own where it has one: any other record is read whole.
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	if g.needed[string(name)] == nil && !strings.Contains(string(name), `\`) {
		return nil
	}
	r, err := s.Record()
	if err != nil {
		return fmt.Errorf("read record %d: %w", s.Seq, err)
	}
	in := g.needed[r.Container]
	for _, c := range r.Content {
		if needed, ok := in[c.Address]; ok && !needed && !g.goes(s.Seq, c) {
			in[c.Address] = true
		}
	}
	return nil
}

// selection chooses the content that goes with an order of one part.
func (g *going) selection(w What) erasure.Selection {
	return func(f erasure.Found, c audit.Content) bool {
		return (w == Records || w.is(c.Class)) && !g.needed[f.Record.Container][c.Address]
	}
}
