package hold

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/journal"
)

// cover knows what one hold covers of the journal up to a position: which containers belong to its custodians, and which
// records that refer to content are held, by container. It is not safe for concurrent use.
type cover struct {
	hold  Hold
	ids   []string // the custodians' identifiers
	at    uint64
	owned map[string]struct{}
	// late are containers that turned out to be a custodian's after records of them may have been passed over.
	late map[string]struct{}
	kept map[string][]uint64
}

func newCover(h Hold, ids []string) *cover {
	return &cover{hold: h, ids: ids, owned: make(map[string]struct{}), late: make(map[string]struct{}), kept: make(map[string][]uint64)}
}

// catchUp reads the journal up to a position. The first time it goes over it twice: whose a container is may be told by a
// later record than those it holds.
func (c *cover) catchUp(ctx context.Context, j *journal.Reader, last uint64) error {
	first := c.at == 0
	if first && len(c.ids) > 0 {
		if err := c.scan(ctx, j, last, c.learn); err != nil {
			return err
		}
		clear(c.late)
	}
	err := c.scan(ctx, j, last, func(s *journal.Stored) error {
		if !first {
			if err := c.learn(s); err != nil {
				return err
			}
		}
		return c.take(s)
	})
	if err == nil {
		c.at = max(c.at, last)
	}
	return err
}

func (c *cover) scan(ctx context.Context, j *journal.Reader, last uint64, see func(*journal.Stored) error) error {
	if c.at >= last {
		return nil
	}
	for s, err := range j.Scan(ctx, c.at+1, last) {
		var corrupt *journal.CorruptError
		if errors.As(err, &corrupt) {
			continue // cannot be erased either
		}
		if err != nil {
			return err
		}
		if s.Tombstone != nil {
			continue
		}
		if err := see(&s); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// learn notes a container that a custodian's record is of.
func (c *cover) learn(s *journal.Stored) error {
	if !c.names(s.Bytes) {
		return nil
	}
	r, err := s.Record()
	if err != nil {
		return fmt.Errorf("read record %d: %w", s.Seq, err)
	}
	if r.Container == "" || r.Source == audit.SourceTripod || !c.account(r) {
		return nil
	}
	if _, ok := c.owned[r.Container]; !ok {
		c.owned[r.Container] = struct{}{}
		c.late[r.Container] = struct{}{}
	}
	return nil
}

// take notes a held record that refers to content.
func (c *cover) take(s *journal.Stored) error {
	if !c.candidate(s) {
		return nil
	}
	r, err := s.Record()
	if err != nil {
		return fmt.Errorf("read record %d: %w", s.Seq, err)
	}
	if r.Container != "" && len(r.Content) > 0 && c.covers(s.Seq, r) {
		c.kept[r.Container] = append(c.kept[r.Container], s.Seq)
	}
	return nil
}

// candidate reports, by a record's bytes, whether it may be held: decoding it costs more than all else.
func (c *cover) candidate(s *journal.Stored) bool {
	if !bytes.Contains(s.Bytes, []byte(`"container":"`)) {
		return false
	}
	if c.hold.open() && len(c.ids) == 0 || slices.Contains(c.hold.Records, s.Seq) || c.names(s.Bytes) {
		return true
	}
	name := containerIn(s.Bytes)
	_, ok := c.owned[name]
	return ok || slices.Contains(c.hold.Containers, name) || strings.Contains(name, `\`)
}

// containerIn reads the first member of that name, which is the record's own where it has one.
func containerIn(b []byte) string {
	_, rest, _ := bytes.Cut(b, []byte(`"container":"`))
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name)
}

// names reports, by a record's bytes, whether it may name a custodian.
func (c *cover) names(b []byte) bool {
	return slices.ContainsFunc(c.ids, func(id string) bool { return bytes.Contains(b, []byte(id)) || !plain(id) })
}

// plain reports whether a string stands in JSON as it is.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) })
}

// account reports whether a record's account has an identifier of a custodian, asserted or proved: a hold keeps too much
// rather than too little.
func (c *cover) account(r *audit.Record) bool {
	for _, a := range []*audit.Identity{&r.Account.Asserted, &r.Account.Proved} {
		for _, id := range []string{a.Email, a.User, a.UUID, a.Subject, a.Key, a.Service, a.OSUser, a.Device} {
			if id != "" && slices.Contains(c.ids, id) {
				return true
			}
		}
	}
	return false
}

// covers reports whether the hold covers a record.
func (c *cover) covers(seq uint64, r *audit.Record) bool {
	h := &c.hold
	switch {
	case slices.Contains(h.Records, seq), r.Container != "" && slices.Contains(h.Containers, r.Container):
		return true
	case !h.open() || !h.within(r):
		return false
	case len(c.ids) == 0 || c.account(r):
		return true
	}
	_, ok := c.owned[r.Container]
	return ok
}

// target reports whether the hold covers any of a target, content that a held record shares included.
func (c *cover) target(ctx context.Context, j *journal.Reader, t *erasure.Target) (bool, error) {
	if t.Container != "" {
		return slices.Contains(c.hold.Containers, t.Container) || len(c.kept[t.Container]) > 0, nil
	}
	for _, f := range t.Records {
		if c.covers(f.Seq, f.Record) {
			return true, nil
		}
	}
	for _, g := range t.Content {
		shared, err := refers(ctx, j, c.kept[g.Container], g)
		if shared || err != nil {
			return shared, err
		}
	}
	return false, nil
}

// refers reports whether any of the records refers to any of the blocks.
func refers(ctx context.Context, j *journal.Reader, seqs []uint64, g erasure.Blocks) (bool, error) {
	blocks := make(map[string]struct{}, len(g.Blocks))
	for _, b := range g.Blocks {
		blocks[b] = struct{}{}
	}
	for page := range slices.Chunk(seqs, 500) {
		stored, _, err := j.GetReadable(ctx, page...)
		if err != nil {
			return false, err
		}
		for i := range stored {
			if stored[i].Tombstone != nil {
				continue
			}
			r, err := stored[i].Record()
			if err != nil {
				return false, err
			}
			if slices.ContainsFunc(r.Content, func(c audit.Content) bool { _, ok := blocks[c.Address]; return ok }) {
				return true, nil
			}
		}
	}
	return false, nil
}
