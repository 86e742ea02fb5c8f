package complianceapi

import "container/list"

// cache keeps what was made last, up to a size. Its owner's mutex guards it.
type cache[K comparable, V any] struct {
	most, size int
	of         func(V) int
	order      list.List // of *cached, newest first
	at         map[K]*list.Element
}

type cached[K comparable, V any] struct {
	key   K
	value V
	size  int
}

func newCache[K comparable, V any](most int, of func(V) int) *cache[K, V] {
	return &cache[K, V]{most: most, of: of, at: map[K]*list.Element{}}
}

// get returns what make makes, or made.
func (c *cache[K, V]) get(k K, make func() V) V {
	if e, ok := c.at[k]; ok {
		c.order.MoveToFront(e)
		return e.Value.(*cached[K, V]).value
	}
	v := make()
	n := &cached[K, V]{k, v, c.of(v)}
	c.at[k] = c.order.PushFront(n)
	c.size += n.size
	for c.size > c.most && c.order.Len() > 1 {
		old := c.order.Back()
		o := c.order.Remove(old).(*cached[K, V])
		delete(c.at, o.key)
		c.size -= o.size
	}
	return v
}
