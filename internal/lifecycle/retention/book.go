package retention

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// TypeClasses is the record of the classes in force, written by a serve whose configuration has others than the record before.
const TypeClasses = "tripod.retention.classes"

// Book is the classes in force, as the latest record has them, and the last purges: an acts.Fold. Commands that erase without a
// configuration go by it.
type Book struct {
	cfg    Config
	set    time.Time // when the classes in force were put on record
	purges []Purged  // the latest last
}

// mostPurges is how many purges a Book remembers; search has all.
const mostPurges = 30

// NewBook makes a book without classes.
func NewBook() *Book { return new(Book) }

// Apply implements acts.Fold.
func (b *Book) Apply(seq uint64, r *audit.Record) {
	switch r.Type {
	case TypePurge:
		if len(b.purges) == mostPurges {
			b.purges = slices.Delete(b.purges, 0, 1)
		}
		b.purges = append(b.purges, purgeOf(seq, r))
		return
	case TypeClasses:
	default:
		return
	}
	v, _ := r.Attributes.Get("classes")
	var cfg Config
	if json.Unmarshal([]byte(v.Str()), &cfg.Classes) == nil && cfg.Validate() == nil {
		b.cfg, b.set = cfg, r.Recorded
	}
}

// purgeOf reads what a purge did from its record.
func purgeOf(seq uint64, r *audit.Record) Purged {
	text := func(name string) string {
		v, _ := r.Attributes.Get(name)
		return v.Str()
	}
	count := func(name string) int64 {
		v, _ := r.Attributes.Get(name)
		n, _ := v.Int64()
		return max(0, n)
	}
	p := Purged{Class: text("class"), What: What(text("what")), Records: int(count("records")), Blocks: int(count("blocks")),
		First: uint64(count("first")), Last: uint64(count("last")), Held: int(count("held")), Seq: seq, At: r.Recorded, By: r.Account.Proved}
	p.Before, _ = time.Parse(time.RFC3339, text("before"))
	return p
}

// Config is the classes in force.
func (b *Book) Config() Config { return b.cfg }

// InForce reads the classes in force.
func InForce(ctx context.Context, s *acts.State, b *Book) (cfg Config, err error) {
	err = s.Within(ctx, func(time.Time) error {
		cfg = b.cfg
		return nil
	})
	return cfg, err
}

// Past lists the last purges, the latest first, and tells when the classes in force were put on record.
func Past(ctx context.Context, s *acts.State, b *Book) (purges []Purged, set time.Time, err error) {
	err = s.Within(ctx, func(time.Time) error {
		purges, set = slices.Clone(b.purges), b.set
		return nil
	})
	slices.Reverse(purges)
	return purges, set, err
}

// Adopt puts classes on record where they differ from those in force.
func Adopt(ctx context.Context, s *acts.State, door acts.Recorder, b *Book, cfg Config) error {
	_, err := s.Decide(ctx, door, func(time.Time) (intake.Act, error) {
		if b.cfg.digest() == cfg.digest() || len(b.cfg.Classes) == 0 && len(cfg.Classes) == 0 {
			return intake.Act{}, nil
		}
		text, err := json.Marshal(cfg.Classes)
		if err != nil {
			return intake.Act{}, err
		}
		return intake.Act{Type: TypeClasses, Activity: audit.ActivitySettingChange, Attributes: audit.Attrs{
			audit.CountAttr("count", int64(len(cfg.Classes))), audit.TextAttr("classes", string(text)),
		}}, nil
	})
	if err != nil {
		return fmt.Errorf("put the classes of retention on record: %w", err)
	}
	return nil
}
