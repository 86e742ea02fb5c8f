package complianceapi

import (
	"math"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// feed is the activity feed: rows made of the world for any hour, and the rows of this API's own doings.
type feed struct {
	a      *API
	cat    *catalogue
	orgs   map[org]world.Org
	users  []string
	people []person

	mu       sync.Mutex
	days     *cache[int64, []world.Act] // guarded by mu
	chunks   *cache[chunk, []row]       // guarded by mu
	own      []row                      // calls and switches, in order; guarded by mu
	switches []turned                   // in order of time; guarded by mu
	live     []playedSession            // beside the world's plan, oldest first; guarded by mu
}

// person is somebody whose rows are made for load.
type person struct {
	user  string
	actor []byte
}

// turned is recording turned on or off.
type turned struct {
	at int64
	on bool
}

func newFeed(a *API) (*feed, error) {
	cat, err := readCatalogue()
	if err != nil {
		return nil, err
	}
	f := &feed{
		a: a, cat: cat, orgs: map[org]world.Org{}, users: userIDs(a.opts.World),
		days: newCache[int64](dayActs, func(acts []world.Act) int { return len(acts) + 1 }),
		chunks: newCache[chunk](chunkBytes, func(rows []row) int {
			size := 128
			for i := range rows {
				size += 160 + cap(rows[i].body)
			}
			return size
		}),
	}
	for _, o := range []org{none, parent, claude, console, standalone} {
		f.orgs[o] = a.org(o)
	}
	for i, acc := range a.opts.World.Accounts[:min(40, len(a.opts.World.Accounts))] {
		body, user := a.actorOf("user_actor", doer{account: acc, ip: "192.0.2." + strconv.Itoa(i+1), agent: "Mozilla/5.0"}, acc.User)
		f.people = append(f.people, person{user, body})
	}
	f.turn(a.opts.Since, true)
	return f, nil
}

// turn turns recording on or off; the feed shows that itself.
func (f *feed) turn(at time.Time, on bool) {
	at = at.UTC().Truncate(time.Microsecond)
	mark := f.a.dice.number("turn", strconv.FormatInt(at.UnixNano(), 10), strconv.FormatBool(on))
	r := row{at: at.UnixNano(), id: f.a.dice.activity(at, mark), kind: "org_compliance_api_settings_updated", org: parent}
	r.indexed = r.at + f.delay(mark)
	var owner *world.Account
	for _, acc := range f.a.opts.World.Accounts {
		if acc.User == f.a.owner() {
			owner = acc
		}
	}
	actor, user := f.a.actorOf("user_actor", doer{account: owner, ip: "192.0.2.9", agent: "Mozilla/5.0"}, "owner")
	r.user = user
	o := f.head(&r, actor)
	o.raw("compliance_api_enabled", strconv.FormatBool(on))
	o.raw("compliance_api_logging_enabled", strconv.FormatBool(on))
	r.body = o.end()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.switches = append(f.switches, turned{r.at, on})
	f.insert(r)
}

// SetEnabled turns recording on or off, now. While it is off nothing is recorded, and nothing can be asked for.
func (a *API) SetEnabled(on bool) {
	now := a.opts.Now()
	if a.feed.enabled(now) != on {
		a.feed.turn(now, on)
	}
}

// enabled reports whether recording was on at a time.
func (f *feed) enabled(at time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.recorded(at.UnixNano())
}

func (f *feed) recorded(at int64) bool {
	on := false
	for _, s := range f.switches {
		if s.at > at {
			break
		}
		on = s.on
	}
	return on
}

// remember keeps the row of a call, if it is recorded.
func (f *feed) remember(r row, alone bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.recorded(r.at) {
		return
	}
	if alone {
		r.org = standalone
	}
	f.insert(r)
	if len(f.own) > MaxCalls {
		f.own = slices.Clone(f.own[MaxCalls/10:])
	}
}

func (f *feed) insert(r row) {
	i, _ := find(f.own, r.at, r.id)
	f.own = slices.Insert(f.own, i, r)
}

func find(rows []row, at int64, id string) (int, bool) {
	return slices.BinarySearchFunc(rows, id, func(r row, id string) int { return r.compare(at, id) })
}

// visit walks the rows from one time on and before another, after or before a place that is left out, until yield says no.
// f.mu must be held.
func (f *feed) visit(from, to int64, at place, asc bool, now time.Time, yield func(*row) bool) {
	from = max(from, f.switches[0].at)
	if from >= to {
		return
	}
	if at.ID != "" {
		if asc {
			from = max(from, at.Key)
		} else {
			to = min(to, at.Key+1)
		}
	}
	first, last, step := hourOf(from), hourOf(max(from, to-1)), int64(1)
	if !asc {
		first, last, step = last, first, -1
	}
	for h := first; (last-h)*step >= 0; h += step {
		ok := f.visitHour(chunk{h, !now.Before(blankedSince())}, asc, func(r *row) bool {
			if r.at < from || r.at >= to {
				return true
			}
			if at.ID != "" {
				if c := r.compare(at.Key, at.ID); c == 0 || (c > 0) != asc {
					return true
				}
			}
			return yield(r)
		})
		if !ok {
			return
		}
	}
}

// visitHour walks the rows of an hour: those made of the world and the own ones, merged.
func (f *feed) visitHour(c chunk, asc bool, yield func(*row) bool) bool {
	a := f.rows(c)
	lo, _ := find(f.own, c.hour*hour, "")
	hi, _ := find(f.own, (c.hour+1)*hour, "")
	b := f.own[lo:hi]
	for i, j := 0, 0; i < len(a) || j < len(b); {
		var x, y *row
		if i < len(a) {
			x = &a[toward(i, len(a), asc)]
		}
		if j < len(b) {
			y = &b[toward(j, len(b), asc)]
		}
		if y == nil || x != nil && (x.compare(y.at, y.id) < 0) == asc {
			i++
			if !f.recorded(x.at) {
				continue
			}
		} else {
			x = y
			j++
		}
		if !yield(x) {
			return false
		}
	}
	return true
}

func toward(i, n int, asc bool) int {
	if asc {
		return i
	}
	return n - 1 - i
}

// Truth are the ids of the activities that the feed must eventually show the parent's keys, of those that occurred from one
// time on and before another, in order. Calls not yet made are not among them, nor those beyond MaxCalls.
func (a *API) Truth(from, to time.Time) []string {
	a.feed.mu.Lock()
	defer a.feed.mu.Unlock()
	var ids []string
	a.feed.visit(from.UnixNano(), to.UnixNano(), place{}, true, a.opts.Now(), func(r *row) bool {
		if parent.sees(r.org) {
			ids = append(ids, r.id)
		}
		return true
	})
	return ids
}

// bounds are a span's times as the first nanosecond within and the first beyond.
func (s span) bounds() (from, to int64) {
	from, to = 0, math.MaxInt64
	if !s.gte.IsZero() {
		from = max(from, s.gte.UnixNano())
	}
	if !s.gt.IsZero() {
		from = max(from, s.gt.UnixNano()+1)
	}
	if !s.lt.IsZero() {
		to = min(to, s.lt.UnixNano())
	}
	if !s.lte.IsZero() {
		to = min(to, s.lte.UnixNano()+1)
	}
	return from, to
}

func host(addr string) string {
	h, _, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	return h
}
