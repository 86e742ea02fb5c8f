package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Listing is one page of a list that goes on by page token, which is every list of the API but activities and chats, or
// of chats, which go on by cursor.
type Listing struct {
	Rows      []json.RawMessage // each as it came
	Next      string            // the token or cursor of the next page; "" after the last
	Last      string            // the cursor behind the last row, where the list goes by cursors and the page has one
	RequestID string
	Date      time.Time // the server's time of the answer; zero where it did not say
}

// list fetches a page of such a list. page is the token of the page before; "" is the first.
func (c *Client) list(ctx context.Context, path string, q url.Values, page string, p Priority) (Listing, error) {
	if page != "" {
		q.Set("page", page)
	}
	a, err := c.get(ctx, path, q, p)
	if err != nil {
		return Listing{}, err
	}
	l, err := decodeListing(a.body, page)
	if err != nil {
		return Listing{}, fmt.Errorf("%s, request %s: %w", path, a.requestID, err)
	}
	l.RequestID, l.Date = a.requestID, a.date
	return l, nil
}

// decodeListing reads a page. next_page decides whether there is another: it may be missing at the end, and sessions have
// no has_more. Where has_more contradicts it the list would end too early, which must not look like an end.
func decodeListing(body []byte, page string) (Listing, error) {
	var b struct {
		Data    *[]json.RawMessage `json:"data"`
		HasMore *bool              `json:"has_more"`
		Next    *string            `json:"next_page"`
	}
	if err := json.Unmarshal(body, &b); err != nil || b.Data == nil {
		return Listing{}, fmt.Errorf("%w: no JSON object with a list", ErrMalformed)
	}
	l := Listing{Rows: *b.Data}
	if b.Next != nil {
		l.Next = *b.Next
	}
	switch {
	case l.Next == "" && b.HasMore != nil && *b.HasMore:
		return Listing{}, fmt.Errorf("%w: there are further pages and no way to them", ErrMalformed)
	case l.Next != "" && l.Next == page:
		return Listing{}, fmt.Errorf("%w: the page after this one is this one", ErrMalformed)
	}
	return l, nil
}

// Object is one object of the API.
type Object struct {
	Body      json.RawMessage // as it came
	RequestID string
	Date      time.Time // the server's time of the answer; zero where it did not say
}

// object fetches one.
func (c *Client) object(ctx context.Context, path string, p Priority) (Object, error) {
	a, err := c.get(ctx, path, url.Values{}, p)
	if err != nil {
		return Object{}, err
	}
	if err := isObject(a.body); err != nil {
		return Object{}, fmt.Errorf("%s, request %s: %w", path, a.requestID, err)
	}
	return Object{Body: a.body, RequestID: a.requestID, Date: a.date}, nil
}

func isObject(body []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return fmt.Errorf("%w: no JSON object", ErrMalformed)
	}
	return nil
}

// route puts ids into a path. Ids are the server's and opaque: one that would reach beyond its place is refused.
func route(format string, ids ...string) (string, error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		if id == "" || id == "." || id == ".." || strings.ContainsAny(id, `/\`) {
			return "", fmt.Errorf("%w: %q is no id", ErrMalformed, bounded(id))
		}
		args[i] = id
	}
	return fmt.Sprintf(format, args...), nil
}
