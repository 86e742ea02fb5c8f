package content

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/intake"
)

// projects are listed whole: what is attached to one, and who may use it, can change without it.
func projects(cfg Config) part {
	return part{
		name: "projects", says: "projects", feed: "compliance.project", kind: normalise.KindProject, every: cfg.Slow, limit: api.MaxProjects, rereads: true,
		since: func(*state, time.Time, bool) time.Time { return time.Time{} },
		list: func(ctx context.Context, c *api.Client, since time.Time, limit int, page string) (api.Listing, error) {
			return c.Projects(ctx, since, limit, page, api.Content)
		},
		inside: func(o object) []item {
			of := o.subject
			of.Text = o.level.Allows(audit.ClassText)
			items := []item{{Kind: kindCollaborators, ID: o.id, Subject: of}, {Kind: kindAttachments, ID: o.id, Subject: of}}
			if of.Text {
				items = append(items, item{Kind: kindKnowledge, ID: o.id, Subject: of})
			}
			return items
		},
	}
}

// readProject reads a page of a project's attachments or collaborators.
func (r *runner) readProject(ctx context.Context, it item) error {
	fetch := r.client.ProjectCollaborators
	if it.Kind == kindAttachments {
		fetch = r.client.ProjectAttachments
	}
	page, err := fetch(ctx, it.ID, api.MaxProjects, it.Page, api.Content)
	if err != nil {
		return err
	}
	if it.Began.IsZero() {
		it.Began = r.now()
	}
	next := r.st.clone()
	var drafts []intake.Draft
	var files []item
	for _, raw := range page.Rows {
		kind, id := attachment(it.Kind, raw)
		if id != "" && it.Subject.Text {
			files = append(files, item{Kind: string(kind), ID: id, Subject: it.Subject})
			continue
		}
		d, _ := r.norm.Object(raw, kind, it.Subject, r.origin())
		drafts = append(drafts, complianceapi.Draft(d))
	}
	it.Page = page.Next
	next.Pending[0] = it
	if it.Page == "" {
		next.Pending = next.Pending[1:]
	}
	next.enqueue(files)
	return r.took(ctx, next, drafts)
}

// attachment tells what a row of a project is; id is "" for what has no content of its own.
func attachment(of string, raw json.RawMessage) (normalise.Kind, string) {
	if of == kindCollaborators {
		return normalise.KindCollaborator, ""
	}
	var row struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	if err := json.Unmarshal(raw, &row); err != nil {
		return normalise.KindFile, "" // no object: its record says so
	}
	if row.Type == "project_doc" {
		return normalise.KindDocument, row.ID
	}
	return normalise.KindFile, row.ID
}

// readWhole reads what one request gives whole: a project's description and instructions, or one of its documents.
func (r *runner) readWhole(ctx context.Context, it item) error {
	fetch, kind := r.client.ProjectDocument, normalise.KindDocument
	if it.Kind == kindKnowledge {
		fetch, kind = r.client.Project, normalise.KindKnowledge
	}
	o, err := fetch(ctx, it.ID, api.Content)
	if err != nil {
		return err
	}
	next := r.st.clone()
	next.Pending = next.Pending[1:]
	d, _ := r.norm.Object(o.Body, kind, it.Subject, r.origin())
	return r.took(ctx, next, []intake.Draft{complianceapi.Draft(d)})
}

// codeArtifacts are published from sessions. They are listed whole, by id.
func codeArtifacts(cfg Config) part {
	return part{
		name: "code_artifacts", says: "published artifacts", feed: "compliance.artifact", kind: normalise.KindCode, every: cfg.Slow, limit: api.MaxProjects,
		since: func(*state, time.Time, bool) time.Time { return time.Time{} },
		list: func(ctx context.Context, c *api.Client, _ time.Time, limit int, page string) (api.Listing, error) {
			return c.CodeArtifacts(ctx, limit, page, api.Content)
		},
		inside: func(o object) []item {
			if !o.level.Allows(audit.ClassText) {
				return nil
			}
			var row struct {
				Versions []json.RawMessage `json:"versions"`
			}
			if err := json.Unmarshal(o.raw, &row); err != nil {
				return nil // its record says so
			}
			var items []item
			for _, raw := range row.Versions {
				var v struct {
					ID string `json:"id"`
				}
				if err := json.Unmarshal(raw, &v); err == nil && v.ID != "" {
					of := o.subject
					of.Text = true
					items = append(items, item{Kind: string(normalise.KindCodeVersion), ID: o.id, Version: v.ID, Subject: of, Made: normalise.Changed(raw)})
				}
			}
			return items
		},
	}
}
