package content

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"sync"

	"github.com/tripod-audit/tripod/internal/keyring"
)

// maxCachedKeys bounds the containers whose current key is held in memory, at about 1 KiB each.
const maxCachedKeys = 4096

// keyCache knows the current key of a container, and makes one where there is none. New keys are pending until the
// committer has stored them; it does so before any block under them.
type keyCache struct {
	master keyring.Wrapper
	keysOf func(ctx context.Context, container string) ([]keyRow, error) // reads the file

	load sync.Mutex // held while a key is read or made, so that a container gets one; taken before mu
	next int64      // id of the next key; guarded by load

	mu      sync.Mutex
	pending map[string]*containerKey // not stored yet; guarded by mu
	cached  map[string]*list.Element // of *containerKey in recent; guarded by mu
	recent  *list.List               // most recently used first; guarded by mu
}

func newKeyCache(master keyring.Wrapper, keysOf func(context.Context, string) ([]keyRow, error), next int64) *keyCache {
	return &keyCache{
		master: master, keysOf: keysOf, next: next,
		pending: make(map[string]*containerKey), cached: make(map[string]*list.Element), recent: list.New(),
	}
}

// current returns the container's current key.
func (c *keyCache) current(ctx context.Context, container string) (*containerKey, error) {
	if k := c.get(container); k != nil {
		return k, nil
	}
	c.load.Lock()
	defer c.load.Unlock()
	if k := c.get(container); k != nil {
		return k, nil
	}
	rows, err := c.keysOf(ctx, container)
	if err != nil {
		return nil, err
	}
	row, ok := current(rows)
	if !ok {
		return c.make(ctx, container)
	}
	k, err := unwrapContainerKey(ctx, c.master, row.id, container, row.wrapped)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(k)
	return k, nil
}

// replace gives the container a new current key, pending. A key that is pending already is as good.
func (c *keyCache) replace(ctx context.Context, container string) (*containerKey, error) {
	c.load.Lock()
	defer c.load.Unlock()
	c.mu.Lock()
	k, ok := c.pending[container]
	c.mu.Unlock()
	if ok {
		return k, nil
	}
	return c.make(ctx, container)
}

// make creates a pending key. The caller holds load.
func (c *keyCache) make(ctx context.Context, container string) (*containerKey, error) {
	k, err := newContainerKey(ctx, c.master, c.next, container)
	if err != nil {
		return nil, err
	}
	c.next++
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(container)
	c.pending[container] = k
	return k, nil
}

// get finds a key in memory.
func (c *keyCache) get(container string) *containerKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k, ok := c.pending[container]; ok {
		return k
	}
	e, ok := c.cached[container]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(*containerKey)
}

// unstored lists the pending keys in ascending order of their ids. No key with a lower id can become pending later.
func (c *keyCache) unstored() []*containerKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) == 0 {
		return nil
	}
	keys := make([]*containerKey, 0, len(c.pending))
	for _, k := range c.pending {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b *containerKey) int { return cmp.Compare(a.id, b.id) })
	return keys
}

// stored says that pending keys are on disk now.
func (c *keyCache) stored(keys []*containerKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range keys {
		if c.pending[k.container] == k {
			delete(c.pending, k.container)
			c.put(k)
		}
	}
}

// destroy runs f, which destroys keys of the container, and forgets them. No key is read meanwhile.
func (c *keyCache) destroy(container string, f func() error) error {
	c.load.Lock()
	defer c.load.Unlock()
	err := f()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(container)
	return err
}

// put and drop need mu.
func (c *keyCache) put(k *containerKey) {
	c.drop(k.container)
	c.cached[k.container] = c.recent.PushFront(k)
	for c.recent.Len() > maxCachedKeys {
		delete(c.cached, c.recent.Remove(c.recent.Back()).(*containerKey).container)
	}
}

func (c *keyCache) drop(container string) {
	if e, ok := c.cached[container]; ok {
		c.recent.Remove(e)
		delete(c.cached, container)
	}
}
