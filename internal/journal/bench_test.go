//go:build unix

package journal

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkAppend: eight callers, each waiting for its batch to be durable.
func BenchmarkAppend(b *testing.B) {
	all := corpus(b, 1, 20_000)
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			dir := b.TempDir()
			j := openJournal(b, dir, Options{})
			run(b, j)
			entries := all[:len(all)/size*size]
			var next atomic.Int64
			var wait sync.WaitGroup
			report := cpu(b)
			for range 8 {
				wait.Go(func() {
					for {
						k := int(next.Add(int64(size))) - size
						if k >= b.N*size {
							return
						}
						batch := append([]Entry(nil), entries[k%len(entries):k%len(entries)+size]...)
						for i := range batch {
							batch[i].ID[0], batch[i].ID[1], batch[i].ID[2] = byte(k), byte(k>>8), byte(k>>16)
							batch[i].ID[3], batch[i].ID[4] = byte(k>>24), byte(i)
							batch[i].ID[5] = byte(i >> 8)
						}
						if _, err := j.Append(context.Background(), Batch{Entries: batch}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wait.Wait()
			report(b.N * size)
			last, err := j.Reader().Last(context.Background())
			if err != nil || last != uint64(b.N*size) {
				b.Fatalf("last = %d, want %d, %v", last, b.N*size, err)
			}
			if _, err := j.writer.truncateLog(context.Background()); err != nil {
				b.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(dir, FileName))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/float64(b.N*size), "bytes/record")
		})
	}
}

// BenchmarkScan: everything a verification reads, commitments included.
func BenchmarkScan(b *testing.B) {
	for _, size := range []int{1, 100, 800} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			n := 40_000
			if size == 1 {
				n = 10_000
			}
			dir := filledDir(b, n, size)
			r := openTestReader(b, dir)
			records := 0
			report := cpu(b)
			for range b.N {
				for s, err := range r.Scan(b.Context(), 1, 0) {
					if err != nil || s.Tombstone != nil {
						b.Fatal(err)
					}
					records++
				}
			}
			report(records)
		})
	}
}

// BenchmarkGet: a page of search results, each record somewhere else.
func BenchmarkGet(b *testing.B) {
	const n = 40_000
	dir := filledDir(b, n, 800)
	r := openTestReader(b, dir)
	for _, page := range []int{1, 100} {
		b.Run(fmt.Sprintf("records=%d", page), func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(1, 1))
			seqs := make([]uint64, page)
			report := cpu(b)
			for range b.N {
				for i := range seqs {
					seqs[i] = 1 + rnd.Uint64N(n)
				}
				if _, err := r.Get(b.Context(), seqs...); err != nil {
					b.Fatal(err)
				}
			}
			report(b.N * page)
		})
	}
}

// BenchmarkFollow: a laggard that decodes everything from disk.
func BenchmarkFollow(b *testing.B) {
	const n = 40_000
	j := openJournal(b, filledDir(b, n, 800), Options{})
	records := 0
	report := cpu(b)
	for range b.N {
		for f := j.Follow(1); f.next <= n; {
			page, err := f.Next(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			records += len(page)
		}
	}
	report(records)
}

func BenchmarkOpen(b *testing.B) {
	dir := filledDir(b, 40_000, 100)
	report := cpu(b)
	defer report(40_000 * b.N)
	for range b.N {
		j, err := Open(b.Context(), dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// cpu measures processor time, which says more than the clock on a machine that does other things beside.
func cpu(b *testing.B) (report func(records int)) {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	b.ResetTimer()
	return func(records int) {
		b.StopTimer()
		b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
		b.ReportMetric(float64(used()-before)/float64(records), "cpu-ns/record")
	}
}

func filledDir(b *testing.B, n, size int) string {
	b.Helper()
	dir := b.TempDir()
	j, stop := start(b, dir, Options{})
	all := corpus(b, 1, 8000)
	for i := 0; i < n; i += size {
		batch := append([]Entry(nil), all[i%len(all):i%len(all)+size]...)
		for k := range batch {
			binary.BigEndian.PutUint64(batch[k].ID[:], uint64(i+k))
		}
		mustAppend(b, j, batch...)
	}
	stop()
	return dir
}
