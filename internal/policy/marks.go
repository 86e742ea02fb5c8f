package policy

import (
	"container/list"
	"slices"
	"sync"
)

// mostSessions is how many sessions' marks are remembered.
const mostSessions = 1 << 14

// marks remembers what rules noted of sessions, for those used last. It is memory: a restart forgets, and a history that is
// sent and judged again marks again. It is safe for concurrent use.
type marks struct {
	mu     sync.Mutex
	of     map[sessionKey]*list.Element // guarded by mu
	recent *list.List                   // guarded by mu; of *marked, the latest first
}

// sessionKey is a session within the credential it came with, so that nobody marks or borrows another's.
type sessionKey struct{ credential, session string }

type marked struct {
	key   sessionKey
	names []string // never changed, only replaced
}

func newMarks() *marks {
	return &marks{of: map[sessionKey]*list.Element{}, recent: list.New()}
}

func keyOf(ev *Event) sessionKey {
	return sessionKey{credential: ev.Account.Proved.Credential, session: ev.Keys.Session}
}

// get is what was noted of the event's session, ordered. Nobody may change it.
func (m *marks) get(ev *Event) []string {
	if m == nil || ev.Keys.Session == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.of[keyOf(ev)]
	if e == nil {
		return nil
	}
	m.recent.MoveToFront(e)
	return e.Value.(*marked).names
}

// add notes marks of the event's session.
func (m *marks) add(ev *Event, names []string) {
	if m == nil || ev.Keys.Session == "" || len(names) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := keyOf(ev)
	e := m.of[key]
	if e == nil {
		if m.recent.Len() == mostSessions {
			delete(m.of, m.recent.Remove(m.recent.Back()).(*marked).key)
		}
		e = m.recent.PushFront(&marked{key: key})
		m.of[key] = e
	}
	entry := e.Value.(*marked)
	entry.names = joinWords(entry.names, names)
}

// joinWords is both lists, ordered, each word once.
func joinWords(a, b []string) []string {
	list := slices.Concat(a, b)
	slices.Sort(list)
	return slices.Compact(list)
}
