package complianceapi

import (
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// session is a session of a client whose account is signed in with the vendor: local where the client runs on a device,
// remote where it runs at the vendor.
type session struct {
	id, key string // key: the client's own id of it
	first   time.Time
	last    time.Time
	calls   []time.Time // when requests to the model were made that came to an answer
	account *world.Account
	surface string
	project string
	agent   string // a remote session an agent owns
}

// processing is how long the vendor takes to show what was said: minutes for local sessions.
const processing = 2 * time.Minute

// spoken takes what was said in a session.
func (e *estate) spoken(act *world.Act) {
	if act.At.Before(e.a.opts.Since) {
		return
	}
	isRemote := act.Surface == audit.SurfaceCoworkRemote
	prefix, in := "clls_01", e.local
	if isRemote {
		prefix, in = "cse_01", e.remote
	}
	d := e.a.dice
	id := d.id(prefix, "session", act.Keys.Session)
	s := in[id]
	if s == nil {
		s = &session{id: id, key: act.Keys.Session, first: act.At, account: act.Process.Account, surface: string(act.Surface)}
		if p := act.Process.Project; p != nil {
			s.project = p.ID
		}
		if isRemote && d.n(5, "agent", id) == 0 {
			s.agent = d.id("cagt_01", "agent of", s.account.Team)
		}
		if u := e.a.opts.Faults.Unknown; u > 0 && d.part("surface", id) < u {
			s.surface = "claude_glasses"
		}
		in[id] = s
	}
	s.last = act.At
	if act.Kind == world.Request && act.Request.Status == 0 {
		s.calls = append(s.calls, called(act))
		if !isRemote && len(s.calls) == 4 && act.Surface == audit.SurfaceClaudeCode && d.n(4, "publishes", id) == 0 {
			e.publish(s, act.At)
		}
	}
}

// called is when a request was made.
func called(act *world.Act) time.Time { return act.At.Add(-act.Request.Duration) }

// isLocal reports whether a session is of a client on a device. Those are captured while recording is on.
func (s *session) isLocal() bool { return strings.HasPrefix(s.id, "clls_") }

// seen are the first and the last call of a session that are shown by now.
func (e *estate) seen(s *session, now time.Time, delay time.Duration) (first, last time.Time, ok bool) {
	for _, at := range s.calls {
		if at.Add(delay).After(now) || s.isLocal() && !e.a.feed.enabled(at) {
			continue
		}
		if !ok || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
		ok = true
	}
	return first, last, ok
}

func sessionRoutes() []route {
	locals := page(100, 500)
	locals.ranges = map[string]string{"created_at": twoOps, "updated_at": "gte"}
	messages := page(100, 1000)
	messages.words = map[string]string{"order": "asc desc"}
	messages.whole = map[string]int{"tool_use_input_max_bytes": 10_000, "tool_result_max_bytes": 10_000}
	remotes := page(100, 500)
	remotes.ranges = map[string]string{"created_at": allOps}
	remotes.lists = map[string]int{"organization_ids": 500, "user_ids": 10}
	return []route{
		{method: "GET", path: "/apps/sessions/local", name: "local sessions", scope: scopeUserData, family: local, serve: (*API).localSessions, params: locals},
		{method: "GET", path: "/apps/sessions/local/{id}", name: "local session", scope: scopeUserData, family: local, serve: (*API).localSession},
		{method: "GET", path: "/apps/sessions/local/{id}/messages", name: "local session messages", scope: scopeUserData, family: local, serve: (*API).localMessages, params: messages},
		{method: "GET", path: "/apps/sessions/remote", name: "remote sessions", scope: scopeUserData, family: remote, serve: (*API).remoteSessions, params: remotes},
		{method: "GET", path: "/apps/sessions/remote/{id}/messages", name: "remote session messages", scope: scopeUserData, family: remote, serve: (*API).remoteMessages, params: messages},
	}
}

type localBody struct {
	Type      string  `json:"type"`
	ID        string  `json:"id"`
	Created   string  `json:"created_at"`
	Updated   string  `json:"updated_at"`
	Org       string  `json:"organization_uuid"`
	Surface   *string `json:"product_surface"`
	Truncated bool    `json:"truncated"`
	User      who     `json:"user"`
	Workspace *string `json:"workspace_id"`
}

func (e *estate) localBody(s *session, now time.Time, email bool) localBody {
	first, last, _ := e.seen(s, now, processing)
	b := localBody{
		Type: "compliance_local_session", ID: s.id, Created: micros(first), Updated: micros(last), Org: e.a.org(claude).UUID, Surface: &s.surface, User: *whoIs(s.account),
	}
	if !email {
		b.User.Email = nil
	}
	return b
}

// localThere refuses what is asked of local sessions where there are none.
func (a *API) localThere() *refusal {
	if a.opts.NoLocalSessions {
		return missing("Local sessions are not available.")
	}
	return nil
}

// sessionList is a page of sessions, which has no has_more.
type sessionList struct {
	Data []any   `json:"data"`
	Next *string `json:"next_page"`
}

// localSessions serves GET /apps/sessions/local.
func (a *API) localSessions(c *call) (*answer, *refusal) {
	q, e := c.query, a.estate
	if bad := a.localThere(); bad != nil {
		return nil, bad
	}
	if !q.created.gte.IsZero() && !q.created.lt.IsZero() && !q.created.lt.After(q.created.gte) {
		return nil, invalid("created_at.lt must be strictly after created_at.gte.")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	var items []item
	for _, s := range e.local {
		first, last, ok := e.seen(s, c.At, processing)
		if ok && q.created.holds(first) && q.updated.holds(last) {
			items = append(items, item{first.UnixNano(), s.id, func() any { return e.localBody(s, c.At, true) }})
		}
	}
	sortItems(items, true)
	t, bad := a.paged(c, "local", items, true, false)
	if bad != nil {
		return nil, bad
	}
	return jsonAnswer(sessionList{t.data(), t.next})
}

// wellFormed reports whether an id has the form of the vendor's.
func wellFormed(id, prefix string) bool {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok || len(rest) < 20 || len(rest) > 30 {
		return false
	}
	for i := range len(rest) {
		if indexSign(rest[i]) < 0 && rest[i] != '0' {
			return false
		}
	}
	return true
}

// withLocal finds a local session.
func (a *API) withLocal(c *call, then func(*estate, *session) (*answer, *refusal)) (*answer, *refusal) {
	if bad := a.localThere(); bad != nil {
		return nil, bad
	}
	id := c.vars["id"]
	if !wellFormed(id, "clls_") {
		return nil, invalid("Invalid session_id format: '%s'", id)
	}
	e := a.estate
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	s := e.local[id]
	if s != nil {
		if _, _, ok := e.seen(s, c.At, processing); ok {
			return then(e, s)
		}
	}
	return nil, missing("Local session not found.")
}

// localSession serves GET /apps/sessions/local/{id}.
func (a *API) localSession(c *call) (*answer, *refusal) {
	return a.withLocal(c, func(e *estate, s *session) (*answer, *refusal) { return jsonAnswer(e.localBody(s, c.At, true)) })
}

// localMessages serves GET /apps/sessions/local/{id}/messages.
func (a *API) localMessages(c *call) (*answer, *refusal) {
	return a.withLocal(c, func(e *estate, s *session) (*answer, *refusal) {
		return a.sessionPage(c, s, e.localBody(s, c.At, false), processing)
	})
}

type remoteBody struct {
	ID      string  `json:"id"`
	Agent   *string `json:"agent_id"`
	Project *string `json:"claude_project_id"`
	Created string  `json:"created_at"`
	Updated string  `json:"updated_at"`
	Org     string  `json:"organization_uuid"`
	Surface *string `json:"product_surface"`
	Started *who    `json:"started_by_user"`
	Status  string  `json:"status"`
	User    *who    `json:"user"`
}

func (e *estate) remoteBody(s *session, now time.Time, full bool) remoteBody {
	b := remoteBody{
		ID: s.id, Created: micros(s.first), Updated: micros(s.first), Org: e.a.org(claude).UUID, Surface: &s.surface, Status: e.status(s, now),
	}
	if _, last, ok := e.seen(s, now, 0); ok {
		b.Updated = micros(last)
	}
	if s.agent != "" {
		b.Agent = &s.agent
	} else {
		b.User = whoIs(s.account)
		if !full {
			b.User.Email = nil
		}
	}
	if full {
		b.Started = whoIs(s.account)
		if s.project != "" {
			b.Project = &s.project
		}
	}
	return b
}

// status is that of a remote session; the set is open.
func (e *estate) status(s *session, now time.Time) string {
	_, last, ok := e.seen(s, now, 0)
	switch idle := now.Sub(last); {
	case !ok:
		return "pending"
	case idle < 10*time.Minute:
		return "active"
	case idle < 24*time.Hour:
		return "paused"
	}
	return "archived"
}

// remoteSessions serves GET /apps/sessions/remote.
func (a *API) remoteSessions(c *call) (*answer, *refusal) {
	q, e := c.query, a.estate
	users, orgs := set(q.lists["user_ids"]), a.match(q.lists["organization_ids"])
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	var items []item
	for _, s := range e.remote {
		if s.first.After(c.At) || !q.created.holds(s.first) || users != nil && (s.agent != "" || !users[s.account.User]) || len(q.lists["organization_ids"]) > 0 && !orgs[claude] {
			continue
		}
		items = append(items, item{s.first.UnixNano(), s.id, func() any { return e.remoteBody(s, c.At, true) }})
	}
	sortItems(items, true)
	t, bad := a.paged(c, "remote", items, true, false)
	if bad != nil {
		return nil, bad
	}
	return jsonAnswer(sessionList{t.data(), t.next})
}

// remoteMessages serves GET /apps/sessions/remote/{id}/messages.
func (a *API) remoteMessages(c *call) (*answer, *refusal) {
	id := c.vars["id"]
	if !wellFormed(id, "cse_") {
		return nil, invalid("Invalid session_id format: '%s'", id)
	}
	e := a.estate
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	s := e.remote[id]
	if s == nil || s.first.After(c.At) || e.status(s, c.At) == "pending" {
		return nil, missing("Remote session not found.")
	}
	return a.sessionPage(c, s, e.remoteBody(s, c.At, false), 0)
}
