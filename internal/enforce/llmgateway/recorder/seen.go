package recorder

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// form is a source form that ids rest on: a digest of fields.
func form(fields ...string) []byte {
	h := sha256.New()
	var n [8]byte
	for _, f := range fields {
		binary.BigEndian.PutUint64(n[:], uint64(len(f)))
		h.Write(n[:])
		h.Write([]byte(f))
	}
	return h.Sum(nil)
}

// seen remembers what was noted for ever of each container, so that a conversation of which the client sends everything
// each time is not handed to the journal each time. The journal decides; this spares it the work.
type seen struct {
	mu         sync.Mutex
	size       int
	containers map[string]*list.Element // of *seenContainer
	recency    *list.List               // most recent first
}

type seenContainer struct {
	name  string
	forms map[[sha256.Size]byte]struct{}
}

const mostSeen = 400_000 // forms over all containers, about 50 bytes each

func newSeen() *seen {
	return &seen{containers: make(map[string]*list.Element), recency: list.New()}
}

// first reports whether a form is new, and remembers it.
func (s *seen) first(container string, form []byte) bool {
	key := [sha256.Size]byte(form)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.containers[container]
	if !ok {
		e = s.recency.PushFront(&seenContainer{container, make(map[[sha256.Size]byte]struct{})})
		s.containers[container] = e
	}
	s.recency.MoveToFront(e)
	c := e.Value.(*seenContainer)
	if _, ok := c.forms[key]; ok {
		return false
	}
	c.forms[key] = struct{}{}
	s.size++
	for s.size > mostSeen && s.recency.Len() > 1 {
		s.drop(s.recency.Back())
	}
	return true
}

// forget makes everything of a container new again: something of it was not noted after all.
func (s *seen) forget(container string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.containers[container]; ok {
		s.drop(e)
	}
}

func (s *seen) drop(e *list.Element) {
	c := e.Value.(*seenContainer)
	s.size -= len(c.forms)
	s.recency.Remove(e)
	delete(s.containers, c.name)
}
