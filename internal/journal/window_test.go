package journal

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// The window behaves like a list of everything that came, cut by number and age.
func TestWindowAgainstModel(t *testing.T) {
	t.Parallel()
	type item struct {
		id     Digest
		second int64
	}
	const limit = 1500
	w := newWindow(limit, 100*time.Second)
	r := rand.New(rand.NewPCG(3, 4))
	var model []item
	where := map[Digest]uint64{}
	now := int64(0)
	for seq := uint64(1); seq < 20_000; seq++ {
		if r.IntN(50) == 0 {
			now += int64(r.IntN(3))
		}
		if r.IntN(8_000) == 0 {
			now += 150
		}
		w.expire(now)
		for len(model) > 0 && model[0].second < now-100 {
			delete(where, model[0].id)
			model = model[1:]
		}
		var id Digest
		binary.LittleEndian.PutUint64(id[:], uint64(r.IntN(4500)))
		got, known := w.find(id)
		if want, ok := where[id]; ok != known || got != want {
			t.Fatalf("seq %d: find = %d, %v, want %d, %v", seq, got, known, want, ok)
		}
		if known {
			continue
		}
		if len(model) == limit {
			delete(where, model[0].id)
			model = model[1:]
		}
		w.add(id, seq, now)
		model = append(model, item{id, now})
		where[id] = seq
		if w.n != len(model) {
			t.Fatalf("seq %d: %d ids, want %d", seq, w.n, len(model))
		}
	}
	for _, m := range model {
		if seq, ok := w.find(m.id); !ok || seq != where[m.id] {
			t.Fatalf("at the end: find = %d, %v, want %d", seq, ok, where[m.id])
		}
	}
}

func BenchmarkWindow(b *testing.B) {
	w := newWindow(2_000_000, 24*time.Hour)
	var id Digest
	b.ReportAllocs()
	for i := range b.N {
		binary.LittleEndian.PutUint64(id[:], uint64(i))
		if _, ok := w.find(id); !ok {
			w.add(id, uint64(i), int64(i/10_000))
		}
	}
}
