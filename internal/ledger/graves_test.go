package ledger

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

func (m *memJournal) orderErasure(seq uint64) uint64 {
	return m.act("tripod.erase.record", audit.ActivityErasure, audit.Attrs{
		{Name: "position", Value: audit.Int(int64(seq))}, {Name: "commitment", Value: audit.String(m.at(seq).Commitment.String())},
	})
}

// orderErasures orders the erasure of many records by one record.
func (m *memJournal) orderErasures(seqs ...uint64) uint64 {
	orders := make([]audit.Ordered, len(seqs))
	for i, seq := range seqs {
		orders[i] = audit.Ordered{Position: seq, Commitment: m.at(seq).Commitment}
	}
	return m.act(audit.TypeEraseRecords, audit.ActivityErasure, audit.ErasureAttrs(orders))
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
		{"many by one order", func(m *memJournal) {
			intent := m.orderErasures(10, 11, 12, 300)
			for _, seq := range []uint64{10, 11, 12, 300} {
				m.erase(seq, audit.TombstoneErased)
			}
			m.completeErasure(intent)
		}, 4, true, nil},
		{"one of many undone", func(m *memJournal) {
			intent := m.orderErasures(10, 300)
			m.erase(10, audit.TombstoneErased)
			m.completeErasure(intent)
		}, 1, true, []string{"erasure_undone 300-300"}},
		{"one beside many", func(m *memJournal) {
			intent := m.orderErasures(10, 12)
			for _, seq := range []uint64{10, 11, 12} {
				m.erase(seq, audit.TombstoneErased)
			}
			m.completeErasure(intent)
		}, 3, false, []string{"tombstone_unnamed 11-11"}},
		{"one of many with another commitment", func(m *memJournal) {
			intent := m.act(audit.TypeEraseRecords, audit.ActivityErasure, audit.ErasureAttrs([]audit.Ordered{
				{Position: 10, Commitment: m.at(10).Commitment}, {Position: 300, Commitment: m.at(301).Commitment}}))
			m.erase(10, audit.TombstoneErased)
			m.erase(300, audit.TombstoneErased)
			m.completeErasure(intent)
		}, 2, false, []string{"tombstone_different 300-300"}},
		{"an order for many, one of which comes later", func(m *memJournal) {
			m.act(audit.TypeEraseRecords, audit.ActivityErasure, audit.ErasureAttrs([]audit.Ordered{
				{Position: 10, Commitment: m.at(10).Commitment}, {Position: 602, Commitment: record(602, 0).Commitment}}))
			m.grow(1)
			m.erase(10, audit.TombstoneErased)
		}, 1, false, []string{"tombstone_unnamed 10-10"}},
		{"content by order", func(m *memJournal) {
			m.completeErasure(m.act(audit.TypeEraseContent, audit.ActivityErasure, audit.Attrs{{Name: "positions", Value: audit.Array(audit.Int(300))}}))
		}, 0, true, nil},
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
// journal's end, and whether the order counts is for the next checkpoint to say.
func TestTombstoneOrderedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		then func(t *testing.T, dir, fork string, l *Ledger, m *memJournal) // once the checkpoint was read
		want []string
	}{
		{"signed meanwhile", func(t *testing.T, _, _ string, l *Ledger, m *memJournal) { cover(t, l, m) }, nil},
		{"signed meanwhile and far beyond", func(t *testing.T, _, _ string, l *Ledger, m *memJournal) {
			m.grow(1000)
			cover(t, l, m)
		}, nil},
		{"completion not signed", func(t *testing.T, _, _ string, l *Ledger, m *memJournal) {
			completion := m.at(602)
			m.cut(601)
			cover(t, l, m)
			m.put(completion)
		}, []string{"erasure_unfinished 300-300"}},
		{"not signed", func(*testing.T, string, string, *Ledger, *memJournal) {}, []string{"tombstone_unsigned 300-300"}},
		{"another record signed in the order's place", func(t *testing.T, _, _ string, l *Ledger, m *memJournal) {
			order := m.at(601)
			m.set(601, record(601, 0))
			cover(t, l, m)
			m.set(601, order)
		}, []string{"tombstone_unsigned 300-300"}},
		{"signed by another key", func(t *testing.T, dir, _ string, _ *Ledger, m *memJournal) {
			other := t.TempDir()
			cover(t, open(t, other, m), m)
			overlay(t, dir, other)
		}, []string{"tombstone_unsigned 300-300"}},
		{"signed as another ledger's continuation", func(t *testing.T, dir, fork string, _ *Ledger, m *memJournal) {
			n := newMemJournal()
			for seq := uint64(1); seq <= m.len(); seq++ {
				n.put(m.at(seq))
			}
			n.set(5, record(5, 1))
			cover(t, open(t, fork, n), n)
			overlay(t, dir, fork)
		}, []string{"tombstone_unsigned 300-300"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, m := t.TempDir(), newMemJournal()
			l := open(t, dir, m)
			fork := t.TempDir() // of the same key
			overlay(t, fork, dir)
			m.grow(600)
			cover(t, l, m)
			m.eraseByOrder(300)
			late := &lateJournal{memJournal: m, first: 600, then: func() { tt.then(t, dir, fork, l, m) }}
			r := check(t, VerifyOptions{Dir: dir, Journal: late, Key: l.Key(), signWait: time.Nanosecond})
			wantFound(t, r, tt.want...)
			if r.Verified != (tt.want == nil || tt.want[0] == "erasure_unfinished 300-300") || r.Tombstones != 1 {
				t.Errorf("report = %+v", r)
			}
		})
	}
}

// A checkpoint that is signed while verification waits for it.
func TestTombstoneWaitsForItsCheckpoint(t *testing.T) {
	t.Parallel()
	dir, m := t.TempDir(), newMemJournal()
	l := open(t, dir, m)
	m.grow(600)
	cover(t, l, m)
	m.eraseByOrder(300)
	v, err := verify(t.Context(), VerifyOptions{Dir: dir, Journal: newMemJournal().grow(600), chunk: 512})
	if err != nil {
		t.Fatal(err)
	}
	v.opts.signWait = time.Hour
	judged := make(chan error, 1)
	go func() {
		ok, err := v.signed(t.Context(), 601, m.at(601).Commitment)
		if err == nil && !ok {
			err = errors.New("the order is not found to be signed")
		}
		judged <- err
	}()
	cover(t, l, m)
	if err := <-judged; err != nil {
		t.Error(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.signed(ctx, 603, audit.Commitment{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want that waiting was ended", err)
	}
}

// Whoever can write the journal but not sign can append what vouches for a tombstone, behind the last checkpoint.
func TestForgedVouchersBehindTheCheckpoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(m *memJournal)
		want []string
	}{
		{"order", func(m *memJournal) {
			m.orderErasure(300)
			m.erase(300, audit.TombstoneErased)
		}, []string{"tombstone_unsigned 300-300", "uncovered 601-601"}},
		{"order and completion", func(m *memJournal) { m.eraseByOrder(300) }, []string{"tombstone_unsigned 300-300", "uncovered 601-602"}},
		{"many", func(m *memJournal) {
			for seq := uint64(20); seq < 40; seq++ {
				m.eraseByOrder(seq)
			}
		}, []string{"tombstone_unsigned 20-39", "uncovered 601-640"}},
		{"order, again and again", func(m *memJournal) {
			m.orderErasure(300)
			m.eraseByOrder(300)
		}, []string{"tombstone_unsigned 300-300", "erasure_unfinished 300-300", "uncovered 601-603"}},
		{"loss", func(m *memJournal) {
			for seq := uint64(200); seq <= 300; seq++ {
				m.erase(seq, audit.TombstoneLost)
			}
			m.nameLost(200, 300)
		}, []string{"tombstone_unsigned 200-300", "uncovered 601-601"}},
		{"order of the last record before", func(m *memJournal) { m.eraseByOrder(600) }, []string{"tombstone_unsigned 600-600", "uncovered 601-602"}},
		{"order only", func(m *memJournal) { m.orderErasure(300) }, []string{"erasure_unfinished 300-300", "uncovered 601-601"}},
	} {
		for _, limit := range []int{0, 1, 7} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				dir, m := t.TempDir(), newMemJournal()
				l := open(t, dir, m)
				m.grow(600)
				cover(t, l, m)
				saved := l.Checkpoint().Note
				tt.do(m)
				want := tt.want
				if limit == 1 && tt.name == "order, again and again" {
					want = []string{want[0], want[2]} // one order is remembered
				}
				for _, opts := range []VerifyOptions{{}, {Key: l.Key()}, {Key: l.Key(), Saved: saved}, {Saved: saved}} {
					opts.Dir, opts.Journal, opts.maxGraves, opts.signWait = dir, m, limit, time.Nanosecond
					r := check(t, opts)
					wantFound(t, r, want...)
					if forged := strings.HasPrefix(want[0], "tombstone_unsigned"); r.Verified == forged {
						t.Errorf("anchored %s: verified = %v", r.Anchored, r.Verified)
					}
				}
			})
		}
	}
}

// An order under the checkpoint stays good, whatever follows; its completion may come later.
func TestSignedOrderIsNotUndoneByWhatFollows(t *testing.T) {
	t.Parallel()
	dir, m := t.TempDir(), newMemJournal()
	l := open(t, dir, m)
	m.grow(600)
	intent := m.orderErasure(300)
	cover(t, l, m)
	m.erase(300, audit.TombstoneErased)
	opts := VerifyOptions{Dir: dir, Journal: m, Key: l.Key(), signWait: time.Nanosecond}
	wantFound(t, check(t, opts), "erasure_unfinished 300-300")
	m.completeErasure(intent)
	m.orderErasure(300)
	r := check(t, opts)
	if wantFound(t, r, "erasure_unfinished 300-300", "erasure_unfinished 300-300", "uncovered 602-603"); !r.Verified {
		t.Errorf("report = %+v", r)
	}
}

// A recovery that ended between its record and the next checkpoint does not give the same up a second time.
func TestRecoverOnceMoreBeforeItsRecordIsSigned(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 300, 700)
	m.cut(500)
	recovered(t, dir, m)
	wantFound(t, check(t, VerifyOptions{Dir: dir, Journal: m, signWait: time.Nanosecond}), "tombstone_unsigned 501-700", "uncovered 701-701")
	if again := recovered(t, dir, m); len(again.Lost) > 0 {
		t.Errorf("lost again: %v", again.Lost)
	}
	cover(t, open(t, dir, m), m)
	wantFound(t, check(t, VerifyOptions{Dir: dir, Journal: m}))
}

// overlay copies a data directory over another one.
func overlay(t *testing.T, to, from string) {
	t.Helper()
	if err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(filepath.Join(to, rel), b, 0o600))
	}); err != nil {
		t.Fatal(err)
	}
}

// lateJournal says first that it ends earlier than it does.
type lateJournal struct {
	*memJournal
	first uint64
	then  func() // before it tells the truth
	asked bool
}

func (l *lateJournal) Last(ctx context.Context) (uint64, error) {
	if !l.asked {
		l.asked = true
		return l.first, nil
	}
	l.then()
	return l.memJournal.Last(ctx)
}
