package console

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
)

// signedIn is who a request comes from.
type signedIn struct {
	person  *access.Person
	csrf    string // of the sign-in; "" for a program with a token
	session string // the public id of the sign-in; "" likewise
	opened  *opened
}

// cookieName has the port in it: cookies do not tell ports apart, and two Tripods may run on one machine. Under TLS its
// prefix keeps other hosts of the domain from setting it (RFC 6265bis, section 4.1.3).
func cookieName(r *http.Request) string {
	name := "tripod"
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		name += "_" + port
	}
	if r.TLS != nil {
		return "__Host-" + name
	}
	return name
}

// signedIn finds whose browser a request comes from, nil if nobody's.
func (c *Console) signedIn(r *http.Request) *signedIn {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return nil
	}
	find := c.deps.SignIn.Lookup
	if asksByItself(r) {
		find = c.deps.SignIn.Peek
	}
	s, ok := find(cookie.Value)
	if !ok {
		return nil
	}
	return &signedIn{person: &s.Person, csrf: s.CSRF, session: s.ID, opened: c.looks.of("sign-in "+s.ID, c.deps.Now())}
}

// asksByItself reports whether an open page asks, every few seconds: nobody need be there, so no sign-in is used by it.
func asksByItself(r *http.Request) bool {
	return r.URL.Path == "/health/now" || r.URL.Path == "/activity/new"
}

// asks finds who a request comes from, nil if from nobody. The API takes tokens, too, but not beside a cookie: as whom such a
// request is made cannot be told.
func (c *Console) asks(r *http.Request) (*signedIn, error) {
	given := r.Header.Values("Authorization")
	if len(given) == 0 {
		return c.signedIn(r), nil
	}
	if _, err := r.Cookie(cookieName(r)); err == nil {
		return nil, &problem{status: http.StatusBadRequest, code: "invalid", heading: "Twice signed in", text: "The request brings a token and the cookie of a sign-in.",
			advice: "Send one of the two."}
	}
	if !wantsJSON(r) {
		return nil, nil
	}
	kind, token, _ := strings.Cut(given[0], " ")
	if len(given) > 1 || !strings.EqualFold(kind, "Bearer") {
		return nil, nil
	}
	person, err := c.deps.SignIn.Bearer(r.Context(), strings.TrimSpace(token), from(r))
	switch {
	case errors.Is(err, signin.ErrTooMany):
		return nil, &problem{status: http.StatusTooManyRequests, code: "too_many", heading: "Too many attempts", text: "Too many tokens were refused.", advice: "Wait a minute.", wait: 60}
	case errors.Is(err, signin.ErrNobody):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &signedIn{person: person, opened: c.looks.of("token "+person.Token, c.deps.Now())}, nil
}

// from is where a request comes from, as far as the connection tells.
func from(r *http.Request) signin.From {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return signin.From{IP: host, Agent: r.UserAgent()}
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
	maxOpened = 64 // of one sign-in; the oldest give way
	maxLooks  = 1000
)

// opened is what is on record for one sign-in, the newest last.
type opened struct {
	mu   sync.Mutex
	list []look
	used time.Time // guarded by looks.mu
}

// looks is what is on record for each sign-in and token.
type looks struct {
	mu  sync.Mutex
	all map[string]*opened
}

// of finds what somebody opened, under a name of the sign-in.
func (l *looks) of(name string, now time.Time) *opened {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := l.all[name]
	if o == nil {
		if l.all == nil {
			l.all = make(map[string]*opened)
		}
		if len(l.all) >= maxLooks {
			l.sweep(now)
		}
		o = new(opened)
		l.all[name] = o
	}
	o.used = now
	return o
}

// sweep forgets who has not asked for anything for so long that nothing of theirs counts, and where there are too many all
// the same who asked longest ago.
func (l *looks) sweep(now time.Time) {
	oldest := ""
	for name, o := range l.all {
		if now.Sub(o.used) > lookLife {
			delete(l.all, name)
		} else if oldest == "" || o.used.Before(l.all[oldest].used) {
			oldest = name
		}
	}
	if len(l.all) >= maxLooks {
		delete(l.all, oldest)
	}
}

// has reports whether something is on record for this sign-in, and lately.
func (o *opened) has(key string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.list, func(l look) bool { return l.key == key && now.Before(l.until) })
}

func (o *opened) remember(key string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = slices.DeleteFunc(o.list, func(l look) bool { return l.key == key || !now.Before(l.until) })
	if len(o.list) == maxOpened {
		o.list = slices.Delete(o.list, 0, 1)
	}
	o.list = append(o.list, look{key, now.Add(lookLife)})
}
