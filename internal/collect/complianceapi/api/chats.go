package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// The most that one request for chats or their messages may ask for.
const (
	MaxChats        = 1000
	MaxChatMessages = 1000
)

// Chats fetches a page of the chats of all organisations in the order in which they changed last, from a time on or
// behind a cursor. A chat that changes while it is walked comes again ahead of the cursor.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-content-data.
func (c *Client) Chats(ctx context.Context, updatedSince time.Time, limit int, after string, p Priority) (Listing, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}, "order_by": {"updated_at"}}
	if !updatedSince.IsZero() {
		q.Set("updated_at.gte", stamp(updatedSince))
	}
	return c.walk(ctx, "/v1/compliance/apps/chats", q, "data", after, p)
}

// ChatMessages fetches a page of a chat's messages, oldest first, with blocks of any length.
func (c *Client) ChatMessages(ctx context.Context, chat string, limit int, after string, p Priority) (Listing, error) {
	path, err := route("/v1/compliance/apps/chats/%s/messages", chat)
	if err != nil {
		return Listing{}, err
	}
	q := url.Values{"limit": {strconv.Itoa(limit)}, "order": {"asc"}, "tool_use_input_max_chars": {"-1"}, "tool_result_max_chars": {"-1"}}
	return c.walk(ctx, path, q, "chat_messages", after, p)
}

// walk fetches a page of a list that goes on by cursor; after is that of the page before, "" is the first.
func (c *Client) walk(ctx context.Context, path string, q url.Values, rows, after string, p Priority) (Listing, error) {
	if after != "" {
		q.Set("after_id", after)
	}
	a, err := c.get(ctx, path, q, p)
	if err != nil {
		return Listing{}, err
	}
	l, err := decodeWalk(a.body, rows, after)
	if err != nil {
		return Listing{}, fmt.Errorf("%s, request %s: %w", path, a.requestID, err)
	}
	l.RequestID, l.Date = a.requestID, a.date
	return l, nil
}

// decodeWalk reads a page whose rows stand in the named field. has_more alone decides whether there is another.
func decodeWalk(body []byte, rows, after string) (Listing, error) {
	var b map[string]json.RawMessage
	var l Listing
	if err := json.Unmarshal(body, &b); err != nil || json.Unmarshal(b[rows], &l.Rows) != nil || l.Rows == nil {
		return Listing{}, fmt.Errorf("%w: no JSON object with a list of %s", ErrMalformed, rows)
	}
	if err := json.Unmarshal(b["last_id"], &l.Last); err != nil {
		l.Last = "" // null, or there is none: the list is empty, or its last row's own id serves
	}
	if string(b["has_more"]) != "true" {
		return l, nil
	}
	if l.Next = l.Last; l.Next == "" && len(l.Rows) > 0 {
		l.Next = idOf(l.Rows[len(l.Rows)-1])
	}
	if l.Next == "" || l.Next == after {
		return Listing{}, fmt.Errorf("%w: there are further pages and no way to them", ErrMalformed)
	}
	return l, nil
}
