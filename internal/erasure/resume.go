package erasure

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
)

// task is one erasure under way, as the cursor remembers it.
type task struct {
	Order     string   `json:"order"`               // chance, to find the intent record by
	After     uint64   `json:"after"`               // the intent stands behind this position
	Container string   `json:"container,omitempty"` // the whole of which is erased; "" for content of records
	Seqs      []uint64 `json:"seqs,omitempty"`      // records to erase
	Content   []Blocks `json:"content,omitempty"`
}

// UnmarshalJSON also reads a task as it was remembered when an order named one record.
func (t *task) UnmarshalJSON(b []byte) error {
	type plain task
	old := struct {
		*plain
		Seq    uint64   `json:"seq"`
		Blocks []string `json:"blocks"`
	}{plain: (*plain)(t)}
	if err := json.Unmarshal(b, &old); err != nil {
		return err
	}
	if old.Seq > 0 {
		t.Seqs = []uint64{old.Seq}
		if len(old.Blocks) > 0 {
			t.Content = []Blocks{{t.Container, old.Blocks}}
		}
		t.Container = ""
	}
	return nil
}

func (t *task) blocks() (n int) {
	for _, g := range t.Content {
		n += len(g.Blocks)
	}
	return n
}

// Resume finishes the erasures that were under way when the process ended, and returns how many.
func (e *Eraser) Resume(ctx context.Context) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	pending, err := e.pending(ctx)
	if err != nil {
		return 0, err
	}
	for i, t := range pending {
		intent, err := e.intentOf(ctx, t)
		if err != nil {
			return i, err
		}
		if _, err := e.finish(ctx, t, intent); err != nil {
			return i, err
		}
	}
	return len(pending), nil
}

// Still runs a function while nothing is erased. An erasure ordered meanwhile waits.
func (e *Eraser) Still(ctx context.Context, do func() error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return do()
}

// intentOf finds the record that ordered a task; it committed together with the cursor that names the task.
func (e *Eraser) intentOf(ctx context.Context, t task) (uint64, error) {
	last, err := e.journal.Reader().Last(ctx)
	if err != nil {
		return 0, fmt.Errorf("resume erasure: %w", err)
	}
	for stored, err := range e.journal.Reader().Scan(ctx, t.After+1, last) {
		if err != nil {
			return 0, fmt.Errorf("resume erasure: %w", err)
		}
		if stored.Tombstone != nil {
			continue
		}
		rec, err := stored.Record()
		if err != nil {
			return 0, fmt.Errorf("resume erasure: %w", err)
		}
		if order, ok := rec.Attributes.Get("order"); ok && rec.Source == audit.SourceTripod && order.Str() == t.Order {
			return stored.Seq, nil
		}
	}
	return 0, fmt.Errorf("resume erasure: no intent record behind position %d: run tripod verify", t.After)
}

func (e *Eraser) pending(ctx context.Context) ([]task, error) {
	b, err := e.journal.Cursor(ctx, cursorName)
	if err != nil {
		return nil, fmt.Errorf("read erasures under way: %w", err)
	}
	var tasks []task
	if len(b) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(b, &tasks); err != nil {
		return nil, fmt.Errorf("read erasures under way: %w", err)
	}
	return tasks, nil
}

func cursorOf(tasks []task) (map[string][]byte, error) {
	b, err := json.Marshal(tasks)
	if err != nil {
		return nil, fmt.Errorf("write erasures under way: %w", err)
	}
	return map[string][]byte{cursorName: b}, nil
}
