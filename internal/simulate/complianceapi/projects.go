package complianceapi

import (
	"crypto/md5"
	"encoding/hex"
	"time"
)

func projectRoutes() []route {
	list := page(20, 100)
	list.ranges = map[string]string{"created_at": allOps, "updated_at": allOps}
	list.lists = map[string]int{"organization_ids": 0, "user_ids": 0}
	return []route{
		{method: "GET", path: "/apps/projects", name: "projects", scope: scopeUserData, serve: (*API).listProjects, params: list},
		{method: "GET", path: "/apps/projects/{id}", name: "project", scope: scopeUserData, serve: (*API).getProject},
		{method: "DELETE", path: "/apps/projects/{id}", name: "delete a project", scope: scopeDelete, serve: (*API).deleteProject},
		{method: "GET", path: "/apps/projects/{id}/attachments", name: "attachments", scope: scopeUserData, serve: (*API).attachments, params: page(20, 100)},
		{method: "GET", path: "/apps/projects/{id}/collaborators", name: "collaborators", scope: scopeUserData, serve: (*API).collaborators, params: page(20, 100)},
		{method: "GET", path: "/apps/projects/documents/{id}", name: "document", scope: scopeUserData, serve: (*API).document},
		{method: "GET", path: "/apps/projects/documents/{id}/metadata", name: "document metadata", scope: scopeUserData, serve: (*API).documentMetadata},
		{method: "DELETE", path: "/apps/projects/documents/{id}", name: "delete a document", scope: scopeDelete, serve: (*API).deleteDocument},
	}
}

type projectBody struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Created string  `json:"created_at"`
	Updated string  `json:"updated_at"`
	Deleted *string `json:"deleted_at"`
	Private bool    `json:"is_private"`
	OrgID   string  `json:"organization_id"`
	Org     string  `json:"organization_uuid"`
	User    *who    `json:"user"`
}

func (e *estate) projectBody(p *project, now time.Time) projectBody {
	org := e.a.org(claude)
	return projectBody{
		ID: p.ID, Name: p.Name, Created: micros(p.at), Updated: micros(e.projectUpdated(p, now)), Private: e.a.dice.n(2, "private", p.ID) == 0,
		OrgID: org.ID, Org: org.UUID, User: whoIs(p.owner),
	}
}

func (e *estate) projectUpdated(p *project, now time.Time) time.Time {
	last := p.at
	for _, d := range p.docs {
		if d.at.After(last) && !d.at.After(now) {
			last = d.at
		}
	}
	return last
}

// listProjects serves GET /apps/projects.
func (a *API) listProjects(c *call) (*answer, *refusal) {
	e, q := a.estate, c.query
	users, orgs := set(q.lists["user_ids"]), a.match(q.lists["organization_ids"])
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	var items []item
	for _, p := range e.projects {
		if e.is(p.ID, p.at, c.At) && q.created.holds(p.at) && q.updated.holds(e.projectUpdated(p, c.At)) && (users == nil || users[p.owner.User]) &&
			(len(q.lists["organization_ids"]) == 0 || orgs[claude]) {
			items = append(items, item{p.at.UnixNano(), p.ID, func() any { return e.projectBody(p, c.At) }})
		}
	}
	return a.listPage(c, "projects", items)
}

// withProject finds a project.
func (a *API) withProject(c *call, gone string, then func(*estate, *project) (*answer, *refusal)) (*answer, *refusal) {
	e := a.estate
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	p := e.projects[c.vars["id"]]
	if p == nil || !e.is(p.ID, p.at, c.At) {
		return nil, missing("%s", gone)
	}
	return then(e, p)
}

const noProject = "No project is found with the provided id."

// getProject serves GET /apps/projects/{id}.
func (a *API) getProject(c *call) (*answer, *refusal) {
	return a.withProject(c, noProject, func(e *estate, p *project) (*answer, *refusal) {
		return jsonAnswer(struct {
			projectBody
			Description  string `json:"description"`
			Instructions string `json:"instructions"`
			Attachments  int    `json:"attachments_count"`
			Chats        int    `json:"chats_count"`
		}{e.projectBody(p, c.At), "Arbeit des Teams " + p.Team, "Antworte knapp und nenne Quellen.", len(e.heldBy(p, c.At)), e.chatsOf(p, c.At)})
	})
}

// chatsOf counts the chats attached to a project. Those their users deleted are none.
func (e *estate) chatsOf(p *project, now time.Time) int {
	n := 0
	for _, ch := range e.chats {
		if ch.project == p.ID && e.hasChat(ch, now) && !ch.isRemoved(now) {
			n++
		}
	}
	return n
}

type projectFile struct {
	Type    string  `json:"type"`
	ID      string  `json:"id"`
	Created string  `json:"created_at"`
	Name    string  `json:"filename"`
	MIME    string  `json:"mime_type"`
	MD5     *string `json:"md5"`
	Size    *int    `json:"size_bytes"`
}

type projectDoc struct {
	Type    string  `json:"type"`
	ID      string  `json:"id"`
	Created string  `json:"created_at"`
	Name    string  `json:"filename"`
	MIME    string  `json:"mime_type"`
	Updated *string `json:"updated_at"`
}

// heldBy are the files and documents of a project.
func (e *estate) heldBy(p *project, now time.Time) []item {
	var items []item
	for _, f := range p.files {
		if e.hasFile(f, now) {
			items = append(items, item{f.at.UnixNano(), f.id, func() any {
				sum := e.md5(f)
				return projectFile{"project_file", f.id, micros(f.at), f.name, f.mime, &sum, &f.size}
			}})
		}
	}
	for _, d := range p.docs {
		if e.is(d.id, d.at, now) {
			items = append(items, item{d.at.UnixNano(), d.id, func() any { return projectDoc{"project_doc", d.id, micros(d.at), d.name, "text/plain", nil} }})
		}
	}
	return items
}

// attachments serves GET /apps/projects/{id}/attachments.
func (a *API) attachments(c *call) (*answer, *refusal) {
	return a.withProject(c, noProject, func(e *estate, p *project) (*answer, *refusal) {
		return a.listPage(c, "attachments/"+p.ID, e.heldBy(p, c.At))
	})
}

// collaborators serves GET /apps/projects/{id}/collaborators.
func (a *API) collaborators(c *call) (*answer, *refusal) {
	return a.withProject(c, noProject, func(_ *estate, p *project) (*answer, *refusal) {
		grant := func(n int, role, kind, name, value string) item {
			at := p.at.Add(time.Duration(n) * time.Minute)
			return item{at.UnixNano(), value, func() any {
				return map[string]any{"type": kind, name: value, "granted_at": micros(at), "role": role}
			}}
		}
		items := []item{
			grant(0, "owner", "user", "user_id", p.owner.User), grant(1, "editor", "group", "group_id", a.groupID("nw-"+p.Team)),
			grant(2, "viewer", "organization", "organization_uuid", a.org(claude).UUID), grant(3, "admin", "organization_role", "organization_role", "owner"),
		}
		for i, acc := range a.team(p.Team) {
			if acc != p.owner {
				items = append(items, grant(4+i, "editor", "user", "user_id", acc.User))
			}
		}
		return a.listPage(c, "collaborators/"+p.ID, items)
	})
}

// deleteProject serves DELETE /apps/projects/{id}, with all that it holds; not while chats are attached.
func (a *API) deleteProject(c *call) (*answer, *refusal) {
	return a.withProject(c, "No project found with provided id, or it has already been deleted.", func(e *estate, p *project) (*answer, *refusal) {
		if e.chatsOf(p, c.At) > 0 {
			return nil, a.conflict(p.ID)
		}
		e.gone[p.ID] = c.At
		for _, d := range p.docs {
			e.gone[d.id] = c.At
		}
		for _, f := range p.files {
			e.gone[f.id] = c.At
		}
		return confirm(p.ID, "claude_project_deleted")
	})
}

const noDocument = "No project document found with the provided id."

// withDocument finds a document.
func (a *API) withDocument(c *call, gone string, then func(*estate, *doc, string) (*answer, *refusal)) (*answer, *refusal) {
	e := a.estate
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	d := e.docs[c.vars["id"]]
	if d == nil || !e.is(d.id, d.at, c.At) || e.deleted(d.project, c.At) {
		return nil, missing("%s", gone)
	}
	return then(e, d, "# "+d.name+"\n\nStand "+d.at.Format(time.DateOnly)+"\n")
}

// document serves GET /apps/projects/documents/{id}.
func (a *API) document(c *call) (*answer, *refusal) {
	return a.withDocument(c, noDocument, func(_ *estate, d *doc, text string) (*answer, *refusal) {
		return jsonAnswer(struct {
			ID      string `json:"id"`
			Content string `json:"content"`
			Created string `json:"created_at"`
			Name    string `json:"filename"`
			User    *who   `json:"user"`
		}{d.id, text, micros(d.at), d.name, whoIs(d.owner)})
	})
}

// documentMetadata serves GET /apps/projects/documents/{id}/metadata.
func (a *API) documentMetadata(c *call) (*answer, *refusal) {
	return a.withDocument(c, noDocument, func(_ *estate, d *doc, text string) (*answer, *refusal) {
		sum := md5.Sum([]byte(text))
		return jsonAnswer(struct {
			ID      string `json:"id"`
			Project string `json:"claude_project_id"`
			Created string `json:"created_at"`
			Name    string `json:"filename"`
			MD5     string `json:"md5"`
			MIME    string `json:"mime_type"`
			Size    int    `json:"size_bytes"`
			User    *who   `json:"user"`
		}{d.id, d.project, micros(d.at), d.name, hex.EncodeToString(sum[:]), "text/plain", len(text), whoIs(d.owner)})
	})
}

// deleteDocument serves DELETE /apps/projects/documents/{id}.
func (a *API) deleteDocument(c *call) (*answer, *refusal) {
	return a.withDocument(c, "No project document found with provided id, or it has already been deleted.", func(e *estate, d *doc, _ string) (*answer, *refusal) {
		e.gone[d.id] = c.At
		return confirm(d.id, "claude_project_document_deleted")
	})
}
