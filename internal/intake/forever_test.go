package intake_test

import (
	"context"
	"testing"

	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// puts counts the blocks that a content store is given.
type puts struct {
	*content.Store
	blocks int
}

func (p *puts) Put(ctx context.Context, blocks []content.Block) ([]content.Address, error) {
	p.blocks += len(blocks)
	return p.Store.Put(ctx, blocks)
}

// TestForever: what may come again at any time adds nothing when it does, and its content is not stored a second time: it
// may have been erased since.
func TestForever(t *testing.T) {
	t.Parallel()
	for name, mark := range map[string]func(*intake.Draft){
		"form":      func(d *intake.Draft) { d.Forever = true },
		"vendor id": func(d *intake.Draft) { d.VendorID, d.Record.ID = true, "activity_1" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, capture.Config{})
			counted := &puts{Store: s.content}
			policy, err := capture.New(capture.Config{})
			if err != nil {
				t.Fatal(err)
			}
			s.door = intake.New(s.journal, counted, policy, []byte("a key of the test's own"))
			for round := range 3 {
				d := draft("a", detail("title", "a title"))
				mark(&d)
				if r := s.submit(t, d); r.Seqs[0] != 1 || r.Duplicates != min(round, 1) {
					t.Errorf("round %d: %+v", round, r)
				}
			}
			if counted.blocks != 1 {
				t.Errorf("the content store was given %d blocks, want 1", counted.blocks)
			}
			if rec := s.record(t, 1); rec.Content[0].Address == "" || rec.ID == "" {
				t.Errorf("record = %+v", rec)
			}
		})
	}
}
