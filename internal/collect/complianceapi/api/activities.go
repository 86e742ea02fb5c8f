package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// MaxPage is how many activities one request may ask for.
const MaxPage = 5000

const activitiesPath = "/v1/compliance/activities"

// Query asks for activities of a window, newest first: the one order every version of the API has.
type Query struct {
	From, To time.Time // created_at.gte and created_at.lt; zero is open
	After    string    // cursor of the page before; "" is the first page
	Limit    int       // 1 to MaxPage
	Types    []string  // of these alone; none is of all
}

func (q Query) values() url.Values {
	v := url.Values{"limit": {strconv.Itoa(q.Limit)}}
	if !q.From.IsZero() {
		v.Set("created_at.gte", stamp(q.From))
	}
	if !q.To.IsZero() {
		v.Set("created_at.lt", stamp(q.To))
	}
	if q.After != "" {
		v.Set("after_id", q.After)
	}
	for _, t := range q.Types {
		v.Add("activity_types[]", t)
	}
	return v
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999999Z07:00") }

// Page is one page of activities.
type Page struct {
	Rows      []json.RawMessage // each as it came
	More      bool              // there are further pages
	Next      string            // the cursor of the next page, where there is More
	RequestID string
	Date      time.Time // the server's time of the answer; zero where it did not say
}

// Activities fetches a page of the activity feed.
func (c *Client) Activities(ctx context.Context, q Query, p Priority) (Page, error) {
	a, err := c.get(ctx, activitiesPath, q.values(), p)
	if err != nil {
		return Page{}, err
	}
	page, err := decodePage(a.body, q)
	if err != nil {
		return Page{}, fmt.Errorf("%s, request %s: %w", activitiesPath, a.requestID, err)
	}
	page.RequestID, page.Date = a.requestID, a.date
	return page, nil
}

// decodePage reads a page. The schema calls every field of it optional: where has_more is missing a full page has a
// next one, and where last_id is, the last activity's own id serves.
func decodePage(body []byte, q Query) (Page, error) {
	var b struct {
		Data    *[]json.RawMessage `json:"data"`
		HasMore *bool              `json:"has_more"`
		LastID  *string            `json:"last_id"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return Page{}, fmt.Errorf("%w: no JSON object with a list of activities", ErrMalformed)
	}
	if b.Data == nil {
		return Page{}, fmt.Errorf("%w: no list of activities", ErrMalformed)
	}
	page := Page{Rows: *b.Data, More: len(*b.Data) >= q.Limit}
	if b.HasMore != nil {
		page.More = *b.HasMore
	}
	if !page.More {
		return page, nil
	}
	if b.LastID != nil {
		page.Next = *b.LastID
	}
	if page.Next == "" && len(page.Rows) > 0 {
		page.Next = idOf(page.Rows[len(page.Rows)-1])
	}
	if page.Next == "" || page.Next == q.After { // an empty page keeps the cursor: asking again may bring more
		return Page{}, fmt.Errorf("%w: there are further pages and no way to them", ErrMalformed)
	}
	return page, nil
}

func idOf(row json.RawMessage) string {
	var r struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(row, &r); err != nil {
		return "" // no object: the record of it says so
	}
	return r.ID
}
