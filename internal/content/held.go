package content

import (
	"sync"
	"time"
)

// maxHeld bounds the addresses of one generation of held; there are two, of about 48 bytes an address.
const maxHeld = 1 << 17

// settleTime is how long a caller may take from the end of Put until a record that refers to the block is in the
// journal. A sweep spares blocks put within twice that time, and those put again since.
const settleTime = 6 * time.Hour

// heldKey names a block in memory.
type heldKey struct {
	key int64
	prefix
}

// held remembers which blocks are stored, so that putting them again costs no write, and which of those no sweep has
// looked at yet: such a block may have no record, and a caller that puts it again counts on it to stay.
type held struct {
	mu    sync.Mutex
	newer map[heldKey]int64   // block by address; guarded by mu
	older map[heldKey]int64   // the generation before; guarded by mu
	hours []freshHour         // unswept hours, in the order of their blocks; guarded by mu
	again map[int64]time.Time // when an old unswept block was last put again; guarded by mu

	// While a sweep is under way: which of the blocks it looks at were put again; guarded by mu.
	watchFrom, watchTo int64
	watched            map[int64]struct{}
}

// freshHour says which blocks came in an hour that no sweep has looked at: those from first on.
type freshHour struct {
	hour  int64 // since 1970
	first int64 // block
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

func newHeld() *held {
	return &held{newer: make(map[heldKey]int64), again: make(map[int64]time.Time)}
}

// has reports whether a block is known to be stored.
func (h *held) has(k heldKey, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	block, ok := h.newer[k]
	if !ok {
		if block, ok = h.older[k]; ok {
			h.remember(k, block)
		}
	}
	if ok {
		h.touch(block, now)
	}
	return ok
}

// found says that blocks put at now are stored, as it turned out, already.
func (h *held) found(blocks map[heldKey]int64, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, block := range blocks {
		h.remember(k, block)
		h.touch(block, now)
	}
}

// added says that new blocks are stored, all in one commit, the lowest of them first.
func (h *held) added(blocks []*entry, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range blocks {
		h.remember(e.heldKey(), e.block)
	}
	if n := len(h.hours); len(blocks) > 0 && (n == 0 || h.hours[n-1].hour != hourOf(now)) {
		h.hours = append(h.hours, freshHour{hourOf(now), blocks[0].block})
	}
}

// swept replaces the unswept hours and forgets what was put again before a time.
func (h *held) swept(hours []freshHour, before time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hours = hours
	for block, at := range h.again {
		if at.Before(before) {
			delete(h.again, block)
		}
	}
}

// watch begins to note which blocks of a range are put again, whatever the clock says, until unwatch.
func (h *held) watch(from, to int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchFrom, h.watchTo, h.watched = from, to, make(map[int64]struct{})
}

func (h *held) unwatch() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchFrom, h.watchTo, h.watched = 0, 0, nil
}

// release forgets a block that is about to be removed, unless it was put again since.
func (h *held) release(k heldKey, block int64, since time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, ok := h.again[block]; ok && at.After(since) {
		return false
	}
	if _, ok := h.watched[block]; ok {
		return false
	}
	delete(h.newer, k)
	delete(h.older, k)
	return true
}

// remember needs mu.
func (h *held) remember(k heldKey, block int64) {
	if len(h.newer) >= maxHeld {
		h.older, h.newer = h.newer, make(map[heldKey]int64, maxHeld)
	}
	h.newer[k] = block
}

// touch notes that a block was put again if a sweep might otherwise take it. It needs mu.
func (h *held) touch(block int64, now time.Time) {
	if block >= h.watchFrom && block < h.watchTo {
		h.watched[block] = struct{}{}
	}
	if len(h.hours) == 0 || block < h.hours[0].first {
		return // swept: a record refers to it
	}
	settled := hourOf(now.Add(-settleTime))
	for _, e := range h.hours {
		if e.hour >= settled {
			if block < e.first {
				break
			}
			return // too young for any sweep
		}
	}
	h.again[block] = now
}
