package api

import (
	"context"
	"net/url"
	"strconv"
)

// MaxListing is how many rows one request for a list of the directory may ask for.
const MaxListing = 1000

func whole() url.Values { return url.Values{"limit": {strconv.Itoa(MaxListing)}} }

// The routes of the directory. Lists are of one page at a time; page is the token of the page before, "" for the first.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-org-data.

// Organizations lists the organisations below the parent.
func (c *Client) Organizations(ctx context.Context, page string, p Priority) (Listing, error) {
	return c.list(ctx, "/v1/compliance/organizations", whole(), page, p)
}

// Users lists the accounts of an organisation, those that join last at the end. Who left is not among them.
func (c *Client) Users(ctx context.Context, org, page string, p Priority) (Listing, error) {
	return c.listOf(ctx, page, p, "/v1/compliance/organizations/%s/users", org)
}

// Roles lists the roles of an organisation.
func (c *Client) Roles(ctx context.Context, org, page string, p Priority) (Listing, error) {
	return c.listOf(ctx, page, p, "/v1/compliance/organizations/%s/roles", org)
}

// Role is one role of an organisation.
func (c *Client) Role(ctx context.Context, org, role string, p Priority) (Object, error) {
	path, err := route("/v1/compliance/organizations/%s/roles/%s", org, role)
	if err != nil {
		return Object{}, err
	}
	return c.object(ctx, path, p)
}

// Permissions lists what a role permits.
func (c *Client) Permissions(ctx context.Context, org, role, page string, p Priority) (Listing, error) {
	return c.listOf(ctx, page, p, "/v1/compliance/organizations/%s/roles/%s/permissions", org, role)
}

// Groups lists the groups of all organisations below the parent.
func (c *Client) Groups(ctx context.Context, page string, p Priority) (Listing, error) {
	return c.list(ctx, "/v1/compliance/groups", whole(), page, p)
}

// Group is one group.
func (c *Client) Group(ctx context.Context, group string, p Priority) (Object, error) {
	path, err := route("/v1/compliance/groups/%s", group)
	if err != nil {
		return Object{}, err
	}
	return c.object(ctx, path, p)
}

// Members lists the accounts of a group.
func (c *Client) Members(ctx context.Context, group, page string, p Priority) (Listing, error) {
	return c.listOf(ctx, page, p, "/v1/compliance/groups/%s/members", group)
}

func (c *Client) listOf(ctx context.Context, page string, p Priority, format string, ids ...string) (Listing, error) {
	path, err := route(format, ids...)
	if err != nil {
		return Listing{}, err
	}
	return c.list(ctx, path, whole(), page, p)
}
