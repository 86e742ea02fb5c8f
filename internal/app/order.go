package app

import (
	"cmp"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

// sortSession orders the records of one session: by the source's time, and where two of one source share it, by the
// source's own counter, else by position.
func sortSession(records []journal.Stored) error {
	type keyed struct {
		stored journal.Stored
		record *audit.Record
	}
	list := make([]keyed, len(records))
	for i := range records {
		r, err := records[i].Record()
		if err != nil {
			return err
		}
		list[i] = keyed{records[i], r}
	}
	slices.SortStableFunc(list, func(a, b keyed) int {
		if c := a.record.Occurred.Compare(b.record.Occurred); c != 0 {
			return c
		}
		if a.record.Sequence != nil && b.record.Sequence != nil && a.record.Source == b.record.Source {
			if c := cmp.Compare(*a.record.Sequence, *b.record.Sequence); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.stored.Seq, b.stored.Seq)
	})
	for i := range list {
		records[i] = list[i].stored
	}
	return nil
}
