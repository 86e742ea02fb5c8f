package content

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// words make plaintexts as compressible as prose and code are.
var words = strings.Fields(`the a of to in is you that it for on are with as this be at have from or one had by not but what all
	were when we there can an your which their if will other about out many then them these so some would make like into time
	error function return test file path string nil context import package module build server request response handler token
	select where from table index update commit branch merge review please fix why does fail when running locally {"command":
	"description": "file_path": "pattern": /usr/local/bin /home/dana/src/app internal/server/main.go --verbose -count=1 2>&1 | grep`)

func prose(r *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+16)
	for len(b) < n {
		b = append(append(b, words[r.IntN(len(words))]...), ' ')
	}
	return b[:n]
}

// BenchmarkPut puts new blocks of 100 to 400 bytes from 8 callers, each into its own session of 1,000 blocks.
func BenchmarkPut(b *testing.B) {
	for _, n := range []int{1, 40} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			s, stop := start(b, dir, Options{Keyring: testKeyring(b)})
			var callers, plain atomic.Int64
			b.SetParallelism(4) // 8 callers on two cores
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				id := callers.Add(1)
				r := rand.New(rand.NewPCG(uint64(id), 1))
				var done int
				for pb.Next() {
					blocks := make([]Block, n)
					container := fmt.Sprintf("session-%d-%d", id, done/1000)
					for i := range blocks {
						blocks[i] = Block{container, prose(r, 100+r.IntN(300))}
						plain.Add(int64(len(blocks[i].Plaintext)))
					}
					if _, err := s.Put(context.Background(), blocks); err != nil {
						b.Error(err)
						return
					}
					done += n
				}
			})
			b.StopTimer()
			total := float64(b.N * n)
			b.ReportMetric(total/b.Elapsed().Seconds(), "blocks/s")
			b.ReportMetric(float64(plain.Load())/total, "plain-B/block")
			var body int64
			if err := s.reader.content.QueryRow("SELECT sum(length(body)) FROM blocks").Scan(&body); err != nil {
				b.Fatal(err)
			}
			stop()
			info, err := os.Stat(filepath.Join(dir, FileName))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/total, "disk-B/block")
			b.ReportMetric((float64(info.Size()-body)/total)+saltSize+1+tagSize, "overhead-B/block")
		})
	}
}

// BenchmarkPutHeld puts blocks that are held already, as a conversation that resends its history does.
func BenchmarkPutHeld(b *testing.B) {
	s, _ := start(b, b.TempDir(), Options{Keyring: testKeyring(b)})
	r := rand.New(rand.NewPCG(1, 1))
	blocks := make([]Block, 40)
	for i := range blocks {
		blocks[i] = Block{"session", prose(r, 100+r.IntN(300))}
	}
	if _, err := s.Put(context.Background(), blocks); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Put(context.Background(), blocks); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(blocks))/b.Elapsed().Seconds(), "blocks/s")
}

func BenchmarkOpen(b *testing.B) {
	s, _ := start(b, b.TempDir(), Options{Keyring: testKeyring(b)})
	r := rand.New(rand.NewPCG(1, 1))
	blocks := make([]Block, 1000)
	for i := range blocks {
		blocks[i] = Block{"session", prose(r, 100+r.IntN(300))}
	}
	addresses, err := s.Put(context.Background(), blocks)
	if err != nil {
		b.Fatal(err)
	}
	g := anyGrant(b)
	for i := 0; b.Loop(); i++ {
		if _, err := s.Reader().Open(context.Background(), g, "session", addresses[i%len(addresses)]); err != nil {
			b.Fatal(err)
		}
	}
}
