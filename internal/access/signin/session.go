package signin

import (
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
)

// Bounds of what is kept in memory; the oldest give way.
const (
	maxSessions = 1000
	maxOfOne    = 20 // sign-ins of one person
	maxLinks    = 100
	linkLife    = 15 * time.Minute
)

// Session is one browser that somebody signed in with. It is not changed once it is given out.
type Session struct {
	ID     string // public
	Person access.Person
	CSRF   string
	Began  time.Time
	Until  time.Time
	From   From

	digest    digest // of the secret in its cookie
	seq       uint64 // of the record of its beginning
	bootstrap bool   // it ends with the bootstrap administrator
	sid       string // the provider's own id of the sign-in; ""
	hint      string // the id token, as the provider wants it back to sign out there; ""
	used      *use   // shared by every copy
}

// use is when a sign-in was last used.
type use struct {
	at    atomic.Int64 // Unix nanoseconds
	saved atomic.Int64 // what of it is in the state file
}

func usedAt(t time.Time) *use {
	u := new(use)
	u.at.Store(t.UnixNano())
	u.saved.Store(t.UnixNano())
	return u
}

// idle reports whether a sign-in has gone without a request for longer than a time.
func (s *Session) idle(now time.Time, longest time.Duration) bool {
	return now.Sub(time.Unix(0, s.used.at.Load())) > longest
}

// From is where a request comes from.
type From struct {
	IP    string
	Agent string // as the browser calls itself, cut
}

const maxAgent = 200

func (f From) cut() From {
	if len(f.Agent) > maxAgent {
		f.Agent = f.Agent[:maxAgent]
	}
	return f
}

// digest is of what a browser or a program holds: memory that leaks opens nothing.
type digest [sha256.Size]byte

func digestOf(secret string) digest {
	h := sha256.New()
	h.Write([]byte("tripod/signin/v1\x00"))
	h.Write([]byte(secret))
	return digest(h.Sum(nil))
}

// newSecret has at least 256 bits.
func newSecret() string { return rand.Text() + rand.Text() }

// table is the sign-ins of a process. It is guarded by Service.mu.
type table struct {
	byDigest map[digest]*Session
}

func (t *table) put(s *Session) (gone []*Session) {
	var own []*Session
	for _, x := range t.byDigest {
		if x.Person.Subject == s.Person.Subject {
			own = append(own, x)
		}
	}
	if len(own) >= maxOfOne {
		gone = append(gone, slices.MinFunc(own, func(a, b *Session) int { return a.Began.Compare(b.Began) }))
	} else if len(t.byDigest) >= maxSessions {
		gone = append(gone, t.earliest())
	}
	for _, x := range gone {
		delete(t.byDigest, x.digest)
	}
	t.byDigest[s.digest] = s
	return gone
}

// earliest is the sign-in that would run out first.
func (t *table) earliest() *Session {
	var first *Session
	for _, x := range t.byDigest {
		if first == nil || x.Until.Before(first.Until) {
			first = x
		}
	}
	return first
}

// take removes what fits and returns it.
func (t *table) take(fits func(*Session) bool) []*Session {
	var gone []*Session
	for d, s := range t.byDigest {
		if fits(s) {
			delete(t.byDigest, d)
			gone = append(gone, s)
		}
	}
	return gone
}
