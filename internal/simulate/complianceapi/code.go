package complianceapi

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// published is a code artifact.
type published struct {
	id, kind string
	owner    *world.Account
	at       time.Time
	versions []version // newest last
	hidden   bool      // a draft: it takes a place in the list and is not shown
}

type version struct {
	id string
	at time.Time
}

// How code artifacts are stored and removed: neither is done at once.
const (
	uploading = 30 * time.Second
	removing  = 45 * time.Second
)

// publish has a session publish a code artifact, with one to three versions within the hour.
func (e *estate) publish(s *session, at time.Time) {
	d := e.a.dice
	p := &published{
		id: d.id("cart_01", s.id), owner: s.account, at: at, hidden: d.n(3, "draft", s.id) == 0,
		kind: []string{"code", "claude_docs", "claude_slides", "claude_design", "other"}[d.n(5, "kind", s.id)],
	}
	for n := range 1 + d.n(3, "versions", s.id) {
		p.versions = append(p.versions, version{d.id("ver_01", p.id, strconv.Itoa(n)), at.Add(time.Duration(n) * 20 * time.Minute)})
	}
	e.code[p.id] = p
}

// published are the versions there are by now.
func (p *published) by(now time.Time) []version {
	for i, v := range p.versions {
		if v.at.After(now) {
			return p.versions[:i]
		}
	}
	return p.versions
}

func codeRoutes() []route {
	list := page(20, 100)
	list.ranges = map[string]string{"updated_at": allOps}
	list.lists = map[string]int{"organization_ids": 500, "user_ids": 200}
	return []route{
		{method: "GET", path: "/apps/code/artifacts", name: "code artifacts", scope: scopeUserData, serve: (*API).codeArtifacts, params: list},
		{method: "GET", path: "/apps/code/artifacts/{id}/versions/{version}", name: "code artifact version", scope: scopeUserData, serve: (*API).codeVersion},
		{
			method: "GET", path: "/apps/code/artifacts/{id}/content", name: "code artifact content", scope: scopeUserData, serve: (*API).codeContent,
			params: params{words: map[string]string{"multi_file_format": "zip"}},
		},
		{method: "DELETE", path: "/apps/code/artifacts/{id}", name: "delete a code artifact", scope: scopeDelete, serve: (*API).deleteCode},
	}
}

type codeBody struct {
	ID        string        `json:"id"`
	Kind      string        `json:"artifact_type"`
	Org       string        `json:"organization_uuid"`
	Owner     *string       `json:"owner_user_id"`
	Published *string       `json:"published_version_id"`
	Mode      string        `json:"read_mode"`
	Updated   *string       `json:"updated_at"`
	User      *who          `json:"user"`
	Versions  []codeVersion `json:"versions"`
}

type codeVersion struct {
	ID      string  `json:"id"`
	Created *string `json:"created_at"`
	Name    string  `json:"name"`
}

func (e *estate) codeBody(p *published, now time.Time) codeBody {
	mode := []string{"org", "owner", "public", "users"}[e.a.dice.n(4, "mode", p.id)]
	b := codeBody{ID: p.id, Kind: p.kind, Org: e.a.org(claude).UUID, Owner: &p.owner.User, Mode: mode, User: whoIs(p.owner), Versions: []codeVersion{}}
	for i, v := range p.by(now) {
		at := micros(v.at)
		b.Versions = append([]codeVersion{{v.id, &at, "v" + strconv.Itoa(i+1)}}, b.Versions...)
		b.Published = &v.id
		if !e.early(p) {
			b.Updated = &at
		}
	}
	return b
}

// early reports whether a code artifact was published before it had updated_at: no filter on it ever finds it.
func (e *estate) early(p *published) bool { return e.a.dice.n(6, "early", p.id) == 0 }

// codeArtifacts serves GET /apps/code/artifacts. Drafts take places in pages, so pages can be short or empty.
func (a *API) codeArtifacts(c *call) (*answer, *refusal) {
	e, q := a.estate, c.query
	users, orgs := set(q.lists["user_ids"]), a.match(q.lists["organization_ids"])
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	var items []item
	for _, p := range e.code {
		vs := p.by(c.At)
		if len(vs) == 0 || e.deleted(p.id, c.At) || users != nil && !users[p.owner.User] || len(q.lists["organization_ids"]) > 0 && !orgs[claude] ||
			!q.updated.empty() && (e.early(p) || !q.updated.holds(vs[len(vs)-1].at)) {
			continue
		}
		items = append(items, item{0, p.id, func() any {
			if p.hidden {
				return nil
			}
			return e.codeBody(p, c.At)
		}})
	}
	sortItems(items, false)
	t, bad := a.paged(c, "code", items, false, false)
	if bad != nil {
		return nil, bad
	}
	data := []any{}
	for _, v := range t.data() {
		if v != nil {
			data = append(data, v)
		}
	}
	return jsonAnswer(listOf{data, t.more, t.next})
}

// withCode finds a code artifact.
func (a *API) withCode(c *call, then func(*estate, *published, []version) (*answer, *refusal)) (*answer, *refusal) {
	e := a.estate
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	p := e.code[c.vars["id"]]
	if p == nil || p.hidden || len(p.by(c.At)) == 0 || e.deleted(p.id, c.At) {
		return nil, missing("Code artifact not found: '%s'", c.vars["id"])
	}
	return then(e, p, p.by(c.At))
}

// codeVersion serves GET /apps/code/artifacts/{id}/versions/{version}.
func (a *API) codeVersion(c *call) (*answer, *refusal) {
	return a.withCode(c, func(e *estate, p *published, vs []version) (*answer, *refusal) {
		for i, v := range vs {
			if v.id == c.vars["version"] {
				return e.stream(p, v, i, c.At, false)
			}
		}
		return nil, missing("Code artifact version not found: '%s'", c.vars["version"])
	})
}

// codeContent serves GET /apps/code/artifacts/{id}/content: the published version.
func (a *API) codeContent(c *call) (*answer, *refusal) {
	return a.withCode(c, func(e *estate, p *published, vs []version) (*answer, *refusal) {
		return e.stream(p, vs[len(vs)-1], len(vs)-1, c.At, c.query.words["multi_file_format"] == "zip")
	})
}

// stream is the content of a version. Documents of several files come as a zip file or not at all.
func (e *estate) stream(p *published, v version, n int, now time.Time, zipped bool) (*answer, *refusal) {
	if now.Sub(v.at) < uploading {
		return nil, &refusal{status: http.StatusServiceUnavailable, kind: "api_error", message: "The version is still being stored. Try again shortly."}
	}
	page := fmt.Sprintf("<!doctype html><title>Version %d</title><p>%s</p>\n", n+1, e.a.dice.id("", "page", v.id))
	if p.kind != "claude_docs" {
		return &answer{body: []byte(page), file: true, name: "index.html", mime: "text/html", unsummed: e.a.dice.n(2, "stored", p.id) == 0}, nil
	}
	if !zipped {
		return nil, &refusal{
			status: http.StatusUnprocessableEntity, kind: "invalid_request_error", message: "The artifact consists of several files. Ask for multi_file_format=zip.", code: "multi_file_unavailable",
		}
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"Teil 1.docx", "Teil 2.docx"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(page))
		}
		if err != nil {
			return nil, &refusal{status: http.StatusInternalServerError, kind: "api_error", message: "Internal server error"}
		}
	}
	if err := z.Close(); err != nil {
		return nil, &refusal{status: http.StatusInternalServerError, kind: "api_error", message: "Internal server error"}
	}
	return &answer{body: b.Bytes(), file: true, name: "Dokumente.zip", mime: "application/zip"}, nil
}

// deleteCode serves DELETE /apps/code/artifacts/{id}: claimed at once, out of reach a while later.
func (a *API) deleteCode(c *call) (*answer, *refusal) {
	return a.withCode(c, func(e *estate, p *published, _ []version) (*answer, *refusal) {
		if _, claimed := e.gone[p.id]; claimed {
			return nil, missing("Code artifact not found: '%s'", p.id)
		}
		e.gone[p.id] = c.At.Add(removing)
		return confirm(p.id, "code_artifact_deleted")
	})
}
