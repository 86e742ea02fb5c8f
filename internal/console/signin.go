package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
)

// How long links and sign-ins last, and how many there may be.
const (
	linkLife   = 15 * time.Minute
	signInLife = 8 * time.Hour
	maxLinks   = 100 // the oldest give way
	maxSignIns = 100
)

// token is a digest of what the browser holds: memory that leaks opens nothing.
type token [sha256.Size]byte

func digest(secret string) token { return sha256.Sum256([]byte(secret)) }

// signedIn is one browser that came in by a link.
type signedIn struct {
	person *access.Person
	csrf   string
	until  time.Time

	mu     sync.Mutex
	opened []look // what is on record for this sign-in, the newest last
}

// look is something opened a while ago.
type look struct {
	key   string // see opening.key
	until time.Time
}

// A page that was opened may ask for the rest of itself, and again for what is new, without another record: for a while
// only, since a day later the same query finds what nobody has looked at yet.
const (
	lookLife  = 15 * time.Minute
	maxOpened = 64 // the oldest give way
)

// hasOpened reports whether something is on record for this sign-in, and lately.
func (s *signedIn) hasOpened(key string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.opened, func(l look) bool { return l.key == key && now.Before(l.until) })
}

func (s *signedIn) remember(key string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = slices.DeleteFunc(s.opened, func(l look) bool { return l.key == key || !now.Before(l.until) })
	if len(s.opened) == maxOpened {
		s.opened = slices.Delete(s.opened, 0, 1)
	}
	s.opened = append(s.opened, look{key, now.Add(lookLife)})
}

// invitation is a link that nobody has used yet.
type invitation struct {
	code  token
	who   *access.Person
	until time.Time
	round int // see signIns
}

// signIns are the links and sign-ins of this process.
type signIns struct {
	now func() time.Time

	mu      sync.Mutex
	links   []invitation // oldest first
	browser map[token]*signedIn
	round   int // grows with each revocation, so that a link taken before one opens nothing after it
}

func newSignIns(now func() time.Time) *signIns {
	return &signIns{now: now, browser: make(map[token]*signedIn)}
}

// newSecret has at least 128 bits.
func newSecret() string { return rand.Text() }

// invite makes the code of a link.
func (s *signIns) invite(who *access.Person) string {
	code := newSecret()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.links) == maxLinks {
		s.links = append(s.links[:0], s.links[1:]...)
	}
	s.links = append(s.links, invitation{code: digest(code), who: who, until: s.now().Add(linkLife), round: s.round})
	return code
}

// redeem takes a link out; ok is false for one that is unknown, used or too old. What it was taken for is admit or putBack.
func (s *signIns) redeem(code string) (link invitation, ok bool) {
	given := digest(code)
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.links[:0]
	for _, l := range s.links {
		switch {
		case !s.now().Before(l.until):
		case subtle.ConstantTimeCompare(l.code[:], given[:]) == 1:
			link, ok = l, true
		default:
			kept = append(kept, l)
		}
	}
	s.links = kept
	return link, ok
}

// putBack makes a link good again whose use came to nothing.
func (s *signIns) putBack(link invitation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if link.round == s.round && len(s.links) < maxLinks {
		s.links = append(s.links, link)
		slices.SortFunc(s.links, func(a, b invitation) int { return a.until.Compare(b.until) })
	}
}

// admit signs a browser in by a link and returns what its cookie holds; ok is false where the link was revoked meanwhile.
func (s *signIns) admit(link invitation) (secret string, ok bool) {
	secret = newSecret()
	s.mu.Lock()
	defer s.mu.Unlock()
	if link.round != s.round {
		return "", false
	}
	s.sweep()
	who := *link.who
	who.Since = s.now()
	s.browser[digest(secret)] = &signedIn{person: &who, csrf: newSecret(), until: s.now().Add(signInLife)}
	return secret, true
}

// sweep forgets what has run out and, where there are too many, what would run out first.
func (s *signIns) sweep() {
	var first token
	for t, b := range s.browser {
		if !s.now().Before(b.until) {
			delete(s.browser, t)
		} else if f := s.browser[first]; f == nil || b.until.Before(f.until) {
			first = t
		}
	}
	if len(s.browser) >= maxSignIns {
		delete(s.browser, first)
	}
}

// lookup finds the sign-in of a cookie, nil if there is none.
func (s *signIns) lookup(secret string) *signedIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.browser[digest(secret)]
	if b == nil || !s.now().Before(b.until) {
		return nil
	}
	return b
}

func (s *signIns) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.browser, digest(secret))
}

// revoke ends everything and tells what was still good.
func (s *signIns) revoke() (browsers, links int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.browser {
		if s.now().Before(b.until) {
			browsers++
		}
	}
	for _, l := range s.links {
		if s.now().Before(l.until) {
			links++
		}
	}
	s.links = nil
	s.round++
	clear(s.browser)
	return browsers, links
}
