package forward

import (
	"slices"
	"sync"
)

// erased are the positions of records that were erased while items of them may be on their way: those are not sent any more.
type erased struct {
	mu   sync.RWMutex
	seqs map[uint64]bool
}

func (e *erased) add(seqs []uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seqs == nil {
		e.seqs = make(map[uint64]bool)
	}
	for _, seq := range seqs {
		e.seqs[seq] = true
	}
}

func (e *erased) has(i *Item) bool { return i.Kind == KindRecord && e.seqs[i.Seq] }

func (e *erased) without(items []Item) []Item {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if !slices.ContainsFunc(items, func(i Item) bool { return e.has(&i) }) {
		return items
	}
	return slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return e.has(&i) })
}

func (e *erased) withoutRefused(list []refused) []refused {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return slices.DeleteFunc(slices.Clone(list), func(r refused) bool { return e.has(&r.item) })
}
