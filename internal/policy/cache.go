package policy

import (
	"container/list"
	"sync"
)

// cache remembers what was worked out last, up to a number of units. It is safe for concurrent use; nobody may change what
// it gives.
type cache[K comparable, V any] struct {
	most int
	size func(V) int // in units, at least 1

	mu      sync.Mutex
	used    int                 // guarded by mu
	entries map[K]*list.Element // guarded by mu
	recent  *list.List          // guarded by mu; of *cached, the latest first
}

type cached[K comparable, V any] struct {
	key   K
	value V
}

// newCache makes a cache; one of no units is nil and remembers nothing.
func newCache[K comparable, V any](most int, size func(V) int) *cache[K, V] {
	if most <= 0 {
		return nil
	}
	return &cache[K, V]{most: most, size: size, entries: map[K]*list.Element{}, recent: list.New()}
}

func (c *cache[K, V]) get(key K) (value V, is bool) {
	if c == nil {
		return value, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil {
		return value, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cached[K, V]).value, true
}

func (c *cache[K, V]) put(key K, value V) {
	if c == nil || c.size(value) > c.most {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[key] != nil {
		return
	}
	for c.used += c.size(value); c.used > c.most; {
		old := c.recent.Remove(c.recent.Back()).(*cached[K, V])
		delete(c.entries, old.key)
		c.used -= c.size(old.value)
	}
	c.entries[key] = c.recent.PushFront(&cached[K, V]{key: key, value: value})
}
