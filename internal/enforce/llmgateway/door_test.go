package llmgateway_test

import (
	"context"
	"sync"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// door keeps what is delivered in memory. Where refuse is set, it takes nothing.
type door struct {
	mu     sync.Mutex
	drafts []intake.Draft
	refuse error
}

func (d *door) Submit(_ context.Context, del intake.Delivery) (intake.Receipt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return intake.Receipt{}, d.refuse
	}
	d.drafts = append(d.drafts, del.Drafts...)
	return intake.Receipt{Seqs: make([]uint64, len(del.Drafts))}, nil
}

func (d *door) Held(_ context.Context, del intake.Delivery) ([]bool, error) {
	return make([]bool, len(del.Drafts)), nil
}

func (d *door) Level(*audit.Record, string) audit.Class { return audit.ClassText }

func (d *door) Record(context.Context, intake.Act, map[string][]byte) (uint64, error) { return 1, nil }

func (d *door) Cursor(context.Context, string) ([]byte, error) { return nil, nil }

func (d *door) set(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse = err
}

// records are those of a type, in the order they were delivered.
func (d *door) records(typ string) []*audit.Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []*audit.Record
	for _, f := range d.drafts {
		if f.Record.Type == typ {
			list = append(list, f.Record)
		}
	}
	return list
}

// attr is an attribute of a record as text; "" without one.
func attr(r *audit.Record, name string) string {
	for _, a := range r.Attributes {
		if a.Name == name {
			return a.Value.Text()
		}
	}
	return ""
}
