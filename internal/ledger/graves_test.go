package ledger

import (
	"context"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
)

func (m *memJournal) orderErasure(seq uint64) uint64 {
	return m.act("tripod.erase.record", audit.ActivityErasure, audit.Attrs{
		{Name: "position", Value: audit.Int(int64(seq))}, {Name: "commitment", Value: audit.String(m.at(seq).Commitment.String())},
	})
}

func (m *memJournal) completeErasure(intent uint64) {
	m.act("tripod.erase.completed", audit.ActivityErasure, audit.Attrs{{Name: "position", Value: audit.Int(int64(intent))}})
}

func (m *memJournal) eraseByOrder(seq uint64) {
	intent := m.orderErasure(seq)
	m.erase(seq, audit.TombstoneErased)
	m.completeErasure(intent)
}

func (m *memJournal) nameLost(first, last int64) {
	m.act("tripod.recover", audit.ActivityOperation, audit.Attrs{
		{Name: "first", Value: audit.Int(first)}, {Name: "last", Value: audit.Int(last)}, {Name: "records", Value: audit.Int(last - first + 1)},
	})
}

func TestTombstonesNeedARecordThatNamesThem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		do       func(m *memJournal)
		tombs    uint64
		verified bool
		want     []string
	}{
		{"erased by order", func(m *memJournal) { m.eraseByOrder(300) }, 1, true, nil},
		{"many by order", func(m *memJournal) {
			for seq := uint64(10); seq < 100; seq++ {
				m.eraseByOrder(seq)
			}
		}, 90, true, nil},
		{"orders first, then all of it", func(m *memJournal) {
			a, b := m.orderErasure(300), m.orderErasure(20)
			m.erase(20, audit.TombstoneErased)
			m.erase(300, audit.TombstoneErased)
			m.completeErasure(a)
			m.completeErasure(b)
		}, 2, true, nil},
		{"not completed", func(m *memJournal) {
			m.orderErasure(300)
			m.erase(300, audit.TombstoneErased)
		}, 1, true, []string{"erasure_unfinished 300-300"}},
		{"not begun", func(m *memJournal) { m.orderErasure(300) }, 0, true, []string{"erasure_unfinished 300-300"}},
		{"undone", func(m *memJournal) { m.completeErasure(m.orderErasure(300)) }, 0, true, []string{"erasure_undone 300-300"}},
		{"completion of a container", func(m *memJournal) {
			m.completeErasure(m.act("tripod.erase.container", audit.ActivityErasure, audit.Attrs{{Name: "container", Value: audit.String("x")}}))
		}, 0, true, nil},
		{"no order", func(m *memJournal) { m.erase(300, audit.TombstoneErased) }, 1, false, []string{"tombstone_unnamed 300-300"}},
		{"ordered for another position", func(m *memJournal) {
			m.erase(300, audit.TombstoneErased)
			m.eraseByOrder(301)
		}, 2, false, []string{"tombstone_unnamed 300-300"}},
		{"another commitment", func(m *memJournal) {
			m.completeErasure(m.act("tripod.erase.record", audit.ActivityErasure, audit.Attrs{
				{Name: "position", Value: audit.Int(300)}, {Name: "commitment", Value: audit.String(m.at(301).Commitment.String())},
			}))
			m.erase(300, audit.TombstoneErased)
		}, 1, false, []string{"tombstone_different 300-300"}},
		{"an order for what comes later", func(m *memJournal) {
			seq := m.len() + 2
			m.act("tripod.erase.record", audit.ActivityErasure, audit.Attrs{
				{Name: "position", Value: audit.Int(int64(seq))}, {Name: "commitment", Value: audit.String(record(seq, 0).Commitment.String())},
			})
			m.grow(1)
			m.erase(seq, audit.TombstoneErased)
		}, 1, false, []string{"tombstone_unnamed 602-602"}},
		{"an order that a client reports", func(m *memJournal) {
			s := record(m.len()+1, 0)
			rec := audit.Record{Version: 1, Source: audit.SourceOTelLog, Activity: audit.ActivityErasure, Type: "tripod.erase.record", Attributes: audit.Attrs{
				{Name: "position", Value: audit.Int(300)}, {Name: "commitment", Value: audit.String(m.at(300).Commitment.String())},
			}}
			s.Bytes = rec.AppendCanonical(nil)
			s.Commitment = audit.Commit(s.Salt, s.Bytes)
			m.put(s)
			m.erase(300, audit.TombstoneErased)
		}, 1, false, []string{"tombstone_unnamed 300-300"}},
		{"an order of another activity", func(m *memJournal) {
			m.act("tripod.erase.record", audit.ActivityOperation, audit.Attrs{
				{Name: "position", Value: audit.Int(300)}, {Name: "commitment", Value: audit.String(m.at(300).Commitment.String())},
			})
			m.erase(300, audit.TombstoneErased)
		}, 1, false, []string{"tombstone_unnamed 300-300"}},
		{"the order itself erased", func(m *memJournal) {
			m.eraseByOrder(300)
			m.erase(601, audit.TombstoneErased)
		}, 2, false, []string{"tombstone_unnamed 300-300", "tombstone_unnamed 601-601"}},
		{"lost and named", func(m *memJournal) {
			for seq := uint64(400); seq <= 600; seq++ {
				m.erase(seq, audit.TombstoneLost)
			}
			m.nameLost(400, 600)
		}, 201, true, nil},
		{"lost and half named", func(m *memJournal) {
			for seq := uint64(400); seq <= 600; seq++ {
				m.erase(seq, audit.TombstoneLost)
			}
			m.nameLost(450, 500)
		}, 201, false, []string{"loss_unnamed 400-449", "loss_unnamed 501-600"}},
		{"erased and named as lost", func(m *memJournal) {
			m.erase(400, audit.TombstoneErased)
			m.nameLost(400, 400)
		}, 1, false, []string{"tombstone_unnamed 400-400"}},
	} {
		for _, limit := range []int{0, 1, 7} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				dir, m := t.TempDir(), newMemJournal()
				l := open(t, dir, m)
				m.grow(600)
				cover(t, l, m)
				tt.do(m)
				cover(t, l, m)
				r := check(t, VerifyOptions{Dir: dir, Journal: m, maxGraves: limit})
				wantFound(t, r, tt.want...)
				if r.Verified != tt.verified || r.Tombstones != tt.tombs {
					t.Errorf("verified %v, %d tombstones; want %v, %d", r.Verified, r.Tombstones, tt.verified, tt.tombs)
				}
			})
		}
	}
}

// An erasure that happens while verification reads: its record is gone already, its order lies behind what was the
// journal's end.
func TestTombstoneOrderedMeanwhile(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 600)
	m.eraseByOrder(300)
	r := check(t, VerifyOptions{Dir: dir, Journal: &lateJournal{memJournal: m, first: 600}})
	wantFound(t, r)
	if !r.Verified || r.Tombstones != 1 {
		t.Errorf("report = %+v", r)
	}
}

// lateJournal says first that it ends earlier than it does.
type lateJournal struct {
	*memJournal
	first uint64
	asked bool
}

func (l *lateJournal) Last(ctx context.Context) (uint64, error) {
	if !l.asked {
		l.asked = true
		return l.first, nil
	}
	return l.memJournal.Last(ctx)
}
