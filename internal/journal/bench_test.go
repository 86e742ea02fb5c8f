package journal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
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
			b.ResetTimer()
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
			b.StopTimer()
			records := float64(b.N * size)
			b.ReportMetric(records/b.Elapsed().Seconds(), "records/s")
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
			b.ReportMetric(float64(info.Size())/records, "bytes/record")
		})
	}
}
