package correlate

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// BenchmarkPlace is what one record in order costs once it is decoded, without the transaction.
func BenchmarkPlace(b *testing.B) {
	for _, sessions := range []int{1, 1000} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			f := newFeed(b)
			records := make([]*audit.Record, sessions)
			for i := range records {
				f.event(fmt.Sprintf("S%d", i), 0, t0, func(r *audit.Record) {
					r.Account.Asserted.Device = fmt.Sprintf("%064d", i)
					r.Account.Asserted.Email = "dana@example.com"
					records[i] = r
				})
			}
			f.apply()
			ctx := context.Background()
			n := int64(0)
			b.ReportAllocs()
			err := f.view.file.Within(ctx, func(tx *viewfile.Tx) error {
				place := &transaction{Tx: tx}
				for i := 0; b.Loop(); i++ {
					r := records[i%sessions]
					if i%sessions == 0 {
						n++
					}
					r.Sequence, r.Occurred = &n, t0.Add(time.Duration(n)*time.Millisecond)
					for _, k := range f.view.kinds {
						if err := k.observe(ctx, place, r, uint64(i)+1_000_000); err != nil {
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkApply is what one record costs from its bytes, in batches of 1,000 of so many sessions, transaction included.
func BenchmarkApply(b *testing.B) {
	for _, sessions := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			f := newFeed(b)
			ctx := context.Background()
			n := make([]int64, sessions)
			batch := func() []journal.Stored {
				f.all, f.pending = nil, nil
				for i := range 1000 {
					s := i * sessions / 1000 // an export is of one session
					f.event(fmt.Sprintf("S%d", s), n[s], t0.Add(time.Duration(n[s])*time.Second), func(r *audit.Record) {
						r.Account.Asserted.Device = fmt.Sprintf("%064d", s)
					})
					n[s]++
				}
				return f.pending
			}
			if err := f.view.Apply(ctx, batch()); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			records := 0
			for b.Loop() {
				b.StopTimer()
				next := batch()
				b.StartTimer()
				if err := f.view.Apply(ctx, next); err != nil {
					b.Fatal(err)
				}
				records += len(next)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
		})
	}
}

// BenchmarkLink is a device with as many stretches as are kept, each behind a hole.
func BenchmarkLink(b *testing.B) {
	f := newFeed(b)
	for n := range int64(maxLive) {
		f.event("A", 2*n, t0.Add(time.Duration(n)*time.Second))
	}
	f.apply()
	d := f.view.names.lastDev
	for b.Loop() {
		d.link()
	}
}
