package journal

import (
	"hash/maphash"
	"time"
)

// Digest is a keyed digest of 16 bytes: an id, or a body. Keyed, because it stays in the journal after its record is
// erased (so that a re-delivery does not bring the record back), and must not let anybody confirm a guess.
type Digest [16]byte

// window remembers recent ids and where they were first stored: a ring of at most max ids, oldest first, and an open
// hash table of places in it. It takes 24 bytes an id, and 4 to 12 more for the table; 2,000,000 ids take 64 MB.
type window struct {
	max      int
	age      int64 // seconds
	seed     maphash.Seed
	segments [][]remembered // the ring, in pieces allocated as they are needed
	head, n  int            // place of the oldest id, and how many there are
	slots    []uint32       // place+1, 0 for none; a power of two, at most three quarters full
	spans    []span         // how many ids each second brought, oldest first
}

type remembered struct {
	id  Digest
	seq uint64
}

type span struct {
	second int64
	n      int
}

const segmentSize = 1 << 16

func newWindow(limit int, age time.Duration) *window {
	return &window{
		max: limit, age: int64(age / time.Second), seed: maphash.MakeSeed(),
		segments: make([][]remembered, (limit+segmentSize-1)/segmentSize), slots: make([]uint32, 1<<10),
	}
}

// find tells where an id was first stored.
func (w *window) find(id Digest) (seq uint64, ok bool) {
	for i := w.home(id); ; i = w.next(i) {
		if w.slots[i] == 0 {
			return 0, false
		}
		if r := w.at(w.slots[i] - 1); r.id == id {
			return r.seq, true
		}
	}
}

// add remembers an id that find does not know, recorded in the given second; the oldest gives way.
func (w *window) add(id Digest, seq uint64, second int64) {
	if w.max == 0 {
		return
	}
	if w.n == w.max {
		w.dropOldest(1)
	}
	if (w.n+1)*4 > len(w.slots)*3 {
		w.grow()
	}
	place := uint32((w.head + w.n) % w.max)
	*w.at(place) = remembered{id, seq}
	w.n++
	w.insert(id, place)
	if k := len(w.spans); k > 0 && w.spans[k-1].second == second {
		w.spans[k-1].n++
		return
	}
	w.spans = append(w.spans, span{second, 1})
}

// expire forgets what was recorded longer ago than the window's age, seen from the given second.
func (w *window) expire(now int64) {
	for len(w.spans) > 0 && w.spans[0].second < now-w.age {
		w.dropOldest(w.spans[0].n)
	}
}

func (w *window) dropOldest(n int) {
	for range n {
		w.remove(w.at(uint32(w.head)).id)
		w.head = (w.head + 1) % w.max
		w.n--
		if w.spans[0].n--; w.spans[0].n == 0 {
			w.spans = w.spans[1:]
		}
	}
}

func (w *window) at(place uint32) *remembered {
	s := &w.segments[place/segmentSize]
	if *s == nil {
		*s = make([]remembered, min(segmentSize, w.max-int(place/segmentSize)*segmentSize))
	}
	return &(*s)[place%segmentSize]
}

func (w *window) home(id Digest) int { return int(maphash.Bytes(w.seed, id[:])) & (len(w.slots) - 1) }
func (w *window) next(i int) int     { return (i + 1) & (len(w.slots) - 1) }

func (w *window) insert(id Digest, place uint32) {
	i := w.home(id)
	for w.slots[i] != 0 {
		i = w.next(i)
	}
	w.slots[i] = place + 1
}

// remove empties the id's slot and moves up what stood behind it only because of it.
func (w *window) remove(id Digest) {
	i := w.home(id)
	for w.at(w.slots[i]-1).id != id {
		i = w.next(i)
	}
	for j := w.next(i); w.slots[j] != 0; j = w.next(j) {
		home := w.home(w.at(w.slots[j] - 1).id)
		if (j-home)&(len(w.slots)-1) >= (j-i)&(len(w.slots)-1) {
			w.slots[i] = w.slots[j]
			i = j
		}
	}
	w.slots[i] = 0
}

func (w *window) grow() {
	w.slots = make([]uint32, 2*len(w.slots))
	for k := range w.n {
		place := uint32((w.head + k) % w.max)
		w.insert(w.at(place).id, place)
	}
}
