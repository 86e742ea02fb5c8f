package retention

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// TypeClasses is the record of the classes in force, written by a serve whose configuration has others than the record before.
const TypeClasses = "tripod.retention.classes"

// Book is the classes in force, as the latest record has them: an acts.Fold. Commands that erase without a configuration go by it.
type Book struct{ cfg Config }

// NewBook makes a book without classes.
func NewBook() *Book { return new(Book) }

// Apply implements acts.Fold.
func (b *Book) Apply(_ uint64, r *audit.Record) {
	if r.Type != TypeClasses {
		return
	}
	v, _ := r.Attributes.Get("classes")
	var cfg Config
	if json.Unmarshal([]byte(v.Str()), &cfg.Classes) == nil && cfg.Validate() == nil {
		b.cfg = cfg
	}
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
