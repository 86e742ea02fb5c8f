package policy

import (
	"container/list"
	"crypto/sha256"
	"sync"
)

// span names a text in the cache: by its digest, and by its length, so that a caller's digest of a whole never answers for
// a part of it.
type span struct {
	digest    [sha256.Size]byte
	size      int
	detectors string // version of what looked
}

// cache remembers what was found in the spans judged last. It holds offsets and kinds, never text, and is safe for
// concurrent use.
type cache struct {
	most int // entries; findings count as entries too

	mu      sync.Mutex
	used    int                    // guarded by mu
	entries map[span]*list.Element // guarded by mu
	recent  *list.List             // guarded by mu; of *cached, the latest first
}

type cached struct {
	span     span
	findings []Finding
}

func newCache(most int) *cache {
	return &cache{most: most, entries: map[span]*list.Element{}, recent: list.New()}
}

func (c *cache) get(s span) ([]Finding, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[s]
	if e == nil {
		return nil, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*cached).findings, true
}

// put remembers findings, which nobody may change any more.
func (c *cache) put(s span, findings []Finding) {
	size := 1 + len(findings)
	if size > c.most {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[s] != nil {
		return
	}
	for c.used+size > c.most {
		last := c.recent.Back()
		old := c.recent.Remove(last).(*cached)
		delete(c.entries, old.span)
		c.used -= 1 + len(old.findings)
	}
	c.entries[s] = c.recent.PushFront(&cached{span: s, findings: findings})
	c.used += size
}
