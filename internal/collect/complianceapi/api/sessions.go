package api

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The most that one request for sessions or their messages may ask for.
const (
	MaxSessions        = 500
	MaxSessionMessages = 1000
)

const (
	localSessions  = "/v1/compliance/apps/sessions/local"
	remoteSessions = "/v1/compliance/apps/sessions/remote"
)

// LocalSessions fetches a page of the sessions of clients on devices that were updated since a time, newest first.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-sessions.
func (c *Client) LocalSessions(ctx context.Context, updatedSince time.Time, limit int, page string, p Priority) (Listing, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if !updatedSince.IsZero() {
		q.Set("updated_at.gte", stamp(updatedSince))
	}
	return c.list(ctx, localSessions, q, page, p)
}

// RemoteSessions fetches a page of the sessions that run at the vendor and were created since a time, newest first: the
// route has no filter by their last change.
func (c *Client) RemoteSessions(ctx context.Context, createdSince time.Time, limit int, page string, p Priority) (Listing, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if !createdSince.IsZero() {
		q.Set("created_at.gte", stamp(createdSince))
	}
	return c.list(ctx, remoteSessions, q, page, p)
}

// LocalMessages fetches a page of a local session's messages, oldest first, with blocks as long as the server gives them.
func (c *Client) LocalMessages(ctx context.Context, session string, limit int, page string, p Priority) (Listing, error) {
	return c.sessionMessages(ctx, localSessions, session, limit, page, p)
}

// RemoteMessages is LocalMessages of a remote session. The server does not find one that is pending.
func (c *Client) RemoteMessages(ctx context.Context, session string, limit int, page string, p Priority) (Listing, error) {
	return c.sessionMessages(ctx, remoteSessions, session, limit, page, p)
}

func (c *Client) sessionMessages(ctx context.Context, family, session string, limit int, page string, p Priority) (Listing, error) {
	path, err := route(family+"/%s/messages", session)
	if err != nil {
		return Listing{}, err
	}
	q := url.Values{"limit": {strconv.Itoa(limit)}, "order": {"asc"}, "tool_use_input_max_bytes": {"-1"}, "tool_result_max_bytes": {"-1"}}
	return c.list(ctx, path, q, page, p)
}

// hasOwnBudget reports whether a route is one of remote sessions, which have a second budget of a size the vendor does
// not tell. Its refusals name a second to wait whatever is left, and their headers speak of the shared budget.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-errors.
func hasOwnBudget(path string) bool { return strings.HasPrefix(path, remoteSessions) }
