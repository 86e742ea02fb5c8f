package retention

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/journal"
)

// ErrStatutory says that a law asks for something to be kept, still.
var ErrStatutory = errors.New("kept by law")

// Refuse is what an erasure.Eraser asks before it orders an erasure, after holds: an error that wraps ErrStatutory, and names
// class and date, where a statutory class keeps any of the target.
func (k *Keeper) Refuse(ctx context.Context, t erasure.Target) error {
	now := k.deps.Now()
	check := func(seq uint64, r *audit.Record, parts ...What) error {
		for _, w := range parts {
			if name, until := k.cfg.statutory(r, w, now); name != "" && has(r, w) {
				if destroy, _ := Judge(Claims{Statutory: true, Erasure: t.Order.Retention == "", Expired: t.Order.Retention != ""}); !destroy {
					return fmt.Errorf("%w: record %d is of the class %s, which is kept until %s", ErrStatutory, seq, strconv.Quote(name), until.Format(time.DateOnly))
				}
			}
		}
		return nil
	}
	for _, f := range t.Records {
		on := []What{Records}
		if t.Stay {
			on = among(f.Record, t.Content)
		}
		if err := check(f.Seq, f.Record, on...); err != nil {
			return err
		}
	}
	// A purge spares what other records need. An order does not: equal content of a container is one block.
	if !k.cfg.anyStatutory() || t.Order.Retention != "" {
		return nil
	}
	containers := []string{t.Container}
	for _, g := range t.Content {
		containers = append(containers, g.Container)
	}
	return k.contained(ctx, containers, func(seq uint64, r *audit.Record) error {
		if r.Container == t.Container {
			return check(seq, r, Texts, Details)
		}
		return check(seq, r, among(r, t.Content)...)
	})
}

// among lists the parts of a record that are among the blocks.
func among(r *audit.Record, groups []erasure.Blocks) (on []What) {
	for _, g := range groups {
		if g.Container != r.Container {
			continue
		}
		going := make(map[string]struct{}, len(g.Blocks))
		for _, b := range g.Blocks {
			going[b] = struct{}{}
		}
		for _, c := range r.Content {
			if _, ok := going[c.Address]; ok && c.Address != "" {
				on = append(on, What(c.Class))
			}
		}
	}
	return on
}

func (c *Config) anyStatutory() bool {
	for i := range c.Classes {
		if c.Classes[i].Statutory {
			return true
		}
	}
	return false
}

// contained reads the records of containers.
func (k *Keeper) contained(ctx context.Context, containers []string, see func(seq uint64, r *audit.Record) error) error {
	last, err := k.deps.Journal.Last(ctx)
	if err != nil {
		return err
	}
	for s, err := range k.deps.Journal.Scan(ctx, 1, last) {
		var corrupt *journal.CorruptError
		if errors.As(err, &corrupt) {
			continue // cannot be erased either
		}
		if err != nil {
			return err
		}
		if s.Tombstone != nil || !bytes.Contains(s.Bytes, []byte(`"container":"`)) {
			continue
		}
		r, err := s.Record()
		if err != nil {
			return fmt.Errorf("read record %d: %w", s.Seq, err)
		}
		if r.Container != "" && slices.Contains(containers, r.Container) {
			if err := see(s.Seq, r); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}
