package messages

import (
	"bytes"
	"container/list"
	"sync"
)

// Memory reads the bodies of conversations, of each only what differs from a body before. Clients send the whole history
// with every turn; comparing it costs a hundredth of reading it.
//
// It holds a few bodies and their requests a conversation, up to its bound over all; the conversation that was silent
// longest is forgotten first. What it returns equals what [Read] returns, but for Known.
type Memory struct {
	bound int64

	mu      sync.Mutex
	size    int64
	byName  map[string]*list.Element // of *conversation
	recency *list.List               // most recent first
}

type conversation struct {
	name   string
	bodies []*reader // most recent first
	size   int64
}

// branches is how many bodies a conversation is known by: beside the dialogue itself, clients ask for titles and
// summaries, and sub-agents of old releases go by their parent's session.
const branches = 4

// NewMemory makes a memory that holds about so many bytes; 0 or less holds nothing, and every body is read whole.
func NewMemory(bytes int64) *Memory {
	return &Memory{bound: bytes, byName: make(map[string]*list.Element), recency: list.New()}
}

// Read reads a body as [Read] does, and marks as Known the blocks that stood in the body of the conversation that is most
// like it. A block that stands there once and here twice is known once. Neither body nor request may be changed
// afterwards: later bodies are read by them. A conversation "" is no conversation.
func (m *Memory) Read(conversation string, body []byte) (*Request, error) {
	if conversation == "" || m.bound <= 0 {
		return Read(body)
	}
	old := m.nearest(conversation, body)
	r, err := read(body, old)
	if err != nil {
		return nil, err
	}
	if old != nil {
		markKnown(r, old)
	}
	r.dec, r.cuts, r.taken = nil, nil, nil
	m.remember(conversation, r, old)
	return r.req, nil
}

// nearest is the remembered body that shares the longest beginning with this one.
func (m *Memory) nearest(name string, body []byte) *reader {
	m.mu.Lock()
	e, ok := m.byName[name]
	var bodies []*reader
	if ok {
		bodies = append(bodies, e.Value.(*conversation).bodies...)
	}
	m.mu.Unlock()
	var best *reader
	longest := -1
	for _, r := range bodies {
		if n := shared(r.body, body); n > longest {
			best, longest = r, n
		}
	}
	return best
}

// shared is the length of the common beginning, in steps of 256 bytes.
func shared(a, b []byte) int {
	const step = 256
	n := 0
	for n+step <= len(a) && n+step <= len(b) && bytes.Equal(a[n:n+step], b[n:n+step]) {
		n += step
	}
	return n
}

// remember keeps what was read. It takes the place of the body it goes on from, unless that one's messages are not its
// own.
func (m *Memory) remember(name string, r, old *reader) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.byName[name]
	if !ok {
		e = m.recency.PushFront(&conversation{name: name})
		m.byName[name] = e
	}
	m.recency.MoveToFront(e)
	c := e.Value.(*conversation)
	before := c.size
	kept := []*reader{r}
	for _, b := range c.bodies {
		if len(kept) < branches && !(b == old && continues(r, old)) {
			kept = append(kept, b)
		}
	}
	c.bodies, c.size = kept, 0
	for _, b := range kept {
		c.size += b.weight()
	}
	m.size += c.size - before
	for m.size > m.bound && m.recency.Len() > 0 {
		last := m.recency.Back()
		gone := last.Value.(*conversation)
		m.recency.Remove(last)
		delete(m.byName, gone.name)
		m.size -= gone.size
	}
}

// continues reports whether a body begins with the same message as the earlier one.
func continues(r, old *reader) bool {
	a, b := r.units["messages"], old.units["messages"]
	return len(a) > 0 && len(b) > 0 && a[0].first < a[0].last && b[0].first < b[0].last &&
		r.req.Blocks[a[0].first].Hash == old.req.Blocks[b[0].first].Hash
}

// weight estimates the memory a body keeps: what is kept of any, itself, the decoded strings, and what describes them.
func (r *reader) weight() int64 {
	return int64(4096 + 2*len(r.body) + 400*len(r.req.Blocks) + 56*r.texts)
}

// again finds a member of the top level that stands in the earlier body with the very same bytes. Only values that end by
// themselves are found: a number might go on.
func (r *reader) again(name string, pos int) (unit, bool) {
	if r.old == nil {
		return unit{}, false
	}
	u, ok := r.old.members[name]
	return u, ok && r.same(u, pos)
}

// elementAgain finds an element of a list of the top level in its place in the earlier body.
func (r *reader) elementAgain(name string, i, pos int) (unit, bool) {
	if r.old == nil || i >= len(r.old.units[name]) {
		return unit{}, false
	}
	u := r.old.units[name][i]
	return u, r.same(u, pos)
}

func (r *reader) same(u unit, pos int) bool {
	raw := r.old.body[u.start:u.end]
	if len(raw) == 0 || !bytes.HasPrefix(r.body[pos:], raw) {
		return false
	}
	switch raw[0] {
	case '{', '[', '"':
		return true
	}
	return false
}

// reuse takes over the blocks of a part of the earlier body, and returns where that part ends here.
func (r *reader) reuse(u unit, pos int) (int, error) {
	by := pos - u.start
	for i := u.first; i < u.last; i++ {
		b := r.old.req.Blocks[i]
		if r.texts += len(b.Texts); r.texts > maxTexts || len(r.req.Blocks) >= maxBlocks {
			return 0, &Malformed{int64(pos), reasonCount}
		}
		b.move(by, r.body)
		b.Known, r.taken[i] = true, true
		r.req.Blocks = append(r.req.Blocks, b)
	}
	return u.end + by, nil
}

// move sets a block that was copied from another body on its place in this one.
func (b *Block) move(by int, body []byte) {
	if by != 0 {
		b.Start, b.End = b.Start+by, b.End+by
		b.Texts = append([]Text(nil), b.Texts...)
		for i := range b.Texts {
			b.Texts[i].Start, b.Texts[i].End = b.Texts[i].Start+by, b.Texts[i].End+by
		}
		b.Media = append([]Media(nil), b.Media...)
		for i := range b.Media {
			b.Media[i].Start, b.Media[i].End = b.Media[i].Start+by, b.Media[i].End+by
		}
	}
	if b.Input != nil {
		b.in0, b.in1 = b.in0+by, b.in1+by
		b.Input = body[b.in0:b.in1:b.in1]
	}
}

// identity is what makes two blocks the same, wherever they stand.
type identity struct {
	part Part
	role string
	hash [32]byte
}

func (b *Block) identity() identity { return identity{b.Part, b.Role, b.Hash} }

// markKnown marks blocks that stood in the earlier body though not in the same place. Those in the same place are marked
// already, and on both sides only the others are left to be matched.
func markKnown(r, old *reader) {
	left := make(map[identity]int)
	for i := range old.req.Blocks {
		if !r.taken[i] {
			left[old.req.Blocks[i].identity()]++
		}
	}
	if len(left) == 0 {
		return
	}
	for i := range r.req.Blocks {
		if b := &r.req.Blocks[i]; !b.Known && left[b.identity()] > 0 {
			left[b.identity()]--
			b.Known = true
		}
	}
}
