package complianceapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// naive is a poller as they are written at first, with one mistake at a time. Each mistake was made in a product that
// people relied on; the tests beside show what it loses, and that ours does not.
type naive struct {
	t       *testing.T
	vendor  *vendor
	mistake mistake
	start   time.Time

	since  time.Time // the cursor, as a time
	cursor string    // the cursor, as the API gives it
	got    map[string]int
	bodies map[string]bool
	crash  bool // the process dies between its two writes
}

type mistake int

const (
	tiles         mistake = iota // windows that meet and never overlap
	strict                       // later than the newest second seen, not from it on
	ownClock                     // the cursor is the local clock
	lastDelivered                // the cursor is the last row of the page, whatever its time
	firstPage                    // one page a run, the cursor taken from it
	lookback                     // the initial window on every start
	cursorFirst                  // the cursor is saved, then the rows
	rowsFirst                    // the rows are saved, then the cursor
	capped                       // never further back than an hour
	byID                         // an id seen is never looked at again
)

func newNaive(t *testing.T, v *vendor, m mistake) *naive {
	return &naive{t: t, vendor: v, mistake: m, start: v.now(), since: v.now(), got: map[string]int{}, bodies: map[string]bool{}}
}

type naiveRow struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created_at"`
	raw     string
}

type naivePage struct {
	Data    []json.RawMessage `json:"data"`
	HasMore bool              `json:"has_more"`
	FirstID *string           `json:"first_id"`
	LastID  *string           `json:"last_id"`
	rows    []naiveRow
}

func (n *naive) get(q url.Values) naivePage {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, "https://vendor.example/v1/compliance/activities?"+q.Encode(), nil)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", key)
	res, err := n.vendor.RoundTrip(r)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		n.t.Fatalf("%d %s %v", res.StatusCode, b, err)
	}
	var p naivePage
	if err := json.Unmarshal(b, &p); err != nil {
		n.t.Fatal(err)
	}
	for _, raw := range p.Data {
		row := naiveRow{raw: string(raw)}
		if err := json.Unmarshal(raw, &row); err != nil {
			n.t.Fatal(err)
		}
		p.rows = append(p.rows, row)
	}
	return p
}

// window reads everything from a time on.
func (n *naive) window(from, to time.Time) []naiveRow {
	q := url.Values{"limit": {"5000"}, "created_at.gte": {from.UTC().Format(time.RFC3339Nano)}, "created_at.lt": {to.UTC().Format(time.RFC3339Nano)}}
	var rows []naiveRow
	for {
		p := n.get(q)
		rows = append(rows, p.rows...)
		if !p.HasMore {
			return rows
		}
		q.Set("after_id", *p.LastID)
	}
}

func (n *naive) publish(rows []naiveRow) {
	for _, r := range rows {
		if n.mistake == byID && n.got[r.ID] > 0 {
			continue
		}
		n.got[r.ID]++
		n.bodies[r.raw] = true
	}
}

// poll is one run.
func (n *naive) poll() {
	now := n.vendor.now()
	switch n.mistake {
	case tiles:
		n.publish(n.window(n.since, now))
		n.since = now
	case byID:
		n.publish(n.window(n.start.Add(-time.Hour), now))
	case ownClock:
		n.publish(n.window(n.since, now.Add(time.Hour)))
		n.since = time.Now()
	case strict:
		for _, r := range n.window(n.since, now) {
			n.publish([]naiveRow{r})
			if s := r.Created.Truncate(time.Second).Add(time.Second); s.After(n.since) {
				n.since = s
			}
		}
	case lastDelivered:
		rows := n.window(n.since, now)
		n.publish(rows)
		if len(rows) > 0 {
			n.since = rows[len(rows)-1].Created
		}
	case firstPage:
		q := url.Values{"limit": {"5000"}}
		if n.cursor != "" {
			q.Set("before_id", n.cursor)
		}
		if p := n.get(q); p.FirstID != nil {
			n.publish(p.rows)
			n.cursor = *p.FirstID
		}
	case capped:
		if hour := now.Add(-time.Hour); n.since.Before(hour) {
			n.since = hour
		}
		n.publish(n.window(n.since, now))
		n.since = now
	case cursorFirst, rowsFirst:
		n.twoWrites(now)
	case lookback:
		n.window(now.Add(-30*24*time.Hour), now)
	}
}

func (n *naive) twoWrites(now time.Time) {
	rows, before := n.window(n.since, now), n.since
	n.since = now
	if n.crash && n.mistake == cursorFirst {
		return
	}
	n.publish(rows)
	if n.crash && n.mistake == rowsFirst {
		n.since = before
	}
}

// lost and doubled count what went wrong, of the rows the feed shows.
func (n *naive) wrong() (lost, doubled int) {
	for _, id := range n.vendor.visible(n.vendor.now().Add(time.Hour)) {
		switch n.got[id] {
		case 0:
			lost++
		case 1:
		default:
			doubled++
		}
	}
	return lost, doubled
}

// every makes rows at regular times.
func every(prefix string, from time.Time, step time.Duration, n int) []*activity {
	list := make([]*activity, n)
	for i := range list {
		list[i] = &activity{id: fmt.Sprintf("%s_%05d", prefix, i), at: from.Add(time.Duration(i) * step)}
	}
	return list
}
