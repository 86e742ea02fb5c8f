package api

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// MaxProjects is the most that one request for projects, what is attached to them, who works on them, or code artifacts may
// ask for.
const MaxProjects = 100

// Projects fetches a page of the projects that were updated since a time, oldest first.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-content-data.
func (c *Client) Projects(ctx context.Context, updatedSince time.Time, limit int, page string, p Priority) (Listing, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if !updatedSince.IsZero() {
		q.Set("updated_at.gte", stamp(updatedSince))
	}
	return c.list(ctx, "/v1/compliance/apps/projects", q, page, p)
}

// Project fetches one project with its description and instructions.
func (c *Client) Project(ctx context.Context, id string, p Priority) (Object, error) {
	path, err := route("/v1/compliance/apps/projects/%s", id)
	if err != nil {
		return Object{}, err
	}
	return c.object(ctx, path, p)
}

// ProjectAttachments fetches a page of a project's files and documents.
func (c *Client) ProjectAttachments(ctx context.Context, project string, limit int, page string, p Priority) (Listing, error) {
	return c.ofProject(ctx, project, "attachments", limit, page, p)
}

// ProjectCollaborators fetches a page of who may use a project.
func (c *Client) ProjectCollaborators(ctx context.Context, project string, limit int, page string, p Priority) (Listing, error) {
	return c.ofProject(ctx, project, "collaborators", limit, page, p)
}

func (c *Client) ofProject(ctx context.Context, project, what string, limit int, page string, p Priority) (Listing, error) {
	path, err := route("/v1/compliance/apps/projects/%s/"+what, project)
	if err != nil {
		return Listing{}, err
	}
	return c.list(ctx, path, url.Values{"limit": {strconv.Itoa(limit)}}, page, p)
}

// ProjectDocument fetches a text document of a project with its content.
func (c *Client) ProjectDocument(ctx context.Context, id string, p Priority) (Object, error) {
	path, err := route("/v1/compliance/apps/projects/documents/%s", id)
	if err != nil {
		return Object{}, err
	}
	return c.object(ctx, path, p)
}

// CodeArtifacts fetches a page of published artifacts, by id: one that is published during a walk may land behind it.
func (c *Client) CodeArtifacts(ctx context.Context, limit int, page string, p Priority) (Listing, error) {
	return c.list(ctx, "/v1/compliance/apps/code/artifacts", url.Values{"limit": {strconv.Itoa(limit)}}, page, p)
}
