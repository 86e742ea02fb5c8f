package llmgateway

import (
	"hash/maphash"
	"sync"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/policy"
)

// clean remembers blocks of requests in which no rule found anything, so that a conversation which sends them with each turn is
// asked about once. It is bounded, what was added longest ago goes first, and safe for concurrent use.
type clean struct {
	seed maphash.Seed

	mu   sync.Mutex
	in   map[cleanKey]struct{} // guarded by mu
	ring []cleanKey            // guarded by mu: in the order of adding
	next int                   // guarded by mu: whose place in ring is taken next
}

// cleanKey is a block under everything else a rule may ask about.
type cleanKey struct {
	around uint64
	block  [32]byte
	part   messages.Part
	field  bool // the same JSON reads otherwise as a field and as a block
	kind   string
	role   string
}

func cleanKeyOf(around uint64, b *messages.Block) cleanKey {
	return cleanKey{around: around, block: b.Hash, part: b.Part, field: isField(b), kind: b.Type, role: b.Role}
}

// isField reports whether a block is a field that stands under a name, in a message or in the request.
func isField(b *messages.Block) bool { return b.Part == messages.Field || b.Index < 0 }

// mostClean is how many blocks are remembered, some 200 bytes each.
const mostClean = 1 << 16

func newClean() *clean { return &clean{seed: maphash.MakeSeed(), in: make(map[cleanKey]struct{})} }

// around stands for what all blocks of a request are judged with: the rules and what they noted of the session, who asks, what
// for, from where, with which model and which capabilities. The time is left out: it ends exceptions, and a clean block needed
// none.
func (c *clean) around(version string, marks []string, ev *policy.Event) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	put := func(list ...string) {
		for _, s := range list {
			h.WriteString(s)
			h.WriteByte(0)
		}
		h.WriteByte(1)
	}
	put(version, string(ev.Surface), ev.Model, ev.Keys.Session, ev.Keys.Agent)
	put(ev.Capabilities...)
	put(marks...)
	for _, id := range []*audit.Identity{&ev.Account.Proved, &ev.Account.Asserted} {
		put(id.User, id.UUID, id.Email, id.Subject, id.Org, id.Key, id.Service, id.Device, id.OSUser, id.Credential)
		put(id.Groups...)
	}
	return h.Sum64()
}

func (c *clean) has(k cleanKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, is := c.in[k]
	return is
}

func (c *clean) add(k cleanKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, is := c.in[k]; is {
		return
	}
	c.in[k] = struct{}{}
	if len(c.ring) < mostClean {
		c.ring = append(c.ring, k)
		return
	}
	delete(c.in, c.ring[c.next])
	c.ring[c.next] = k
	c.next = (c.next + 1) % mostClean
}
