package complianceapi_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// vendor is the activity feed as its documentation describes it, in memory: a transport that answers like the server.
// It goes by the test's clock.
type vendor struct {
	mu       sync.Mutex
	rows     []*activity // newest first, ties by id
	keys     map[string]bool
	off      bool
	skew     time.Duration // of the server's clock to the test's
	noisy    bool          // each call becomes an activity itself
	faults   func(r *http.Request, n int) *http.Response
	pageMost int        // rows a page has at most; 0: as many as asked
	rng      *rand.Rand // short and empty pages, rows twice; nil: none
	requests []*http.Request
	pages    int
	travel   time.Duration // of a request and its answer, together
	slow     func(*http.Request) time.Duration
	rate     int             // budget of requests a minute; 0: none
	minute   time.Time       // when the budget's minute began
	used     int             // of it
	poison   map[string]bool // ids of rows that no page is answered with
}

// activity is one row, and when it can be seen.
type activity struct {
	id      string
	at      time.Time
	indexed time.Time
	typ     string
	extra   string
	actor   string // "" is a person
}

func (a *activity) body() string {
	actor := a.actor
	if actor == "" {
		actor = `{"type":"user_actor","email_address":"dana@example.com","user_id":"user_01Dana","ip_address":"192.0.2.7","user_agent":"Mozilla/5.0"}`
	}
	return fmt.Sprintf(`{"id":%q,"created_at":%q,"organization_id":null,"organization_uuid":"0f0e0d0c-0000-4000-8000-000000000001","actor":%s,"type":%q%s}`,
		a.id, a.at.UTC().Format(time.RFC3339Nano), actor, a.typ, a.extra)
}

const key = "sk-ant-api01-made-up-for-tests"

func newVendor() *vendor { return &vendor{keys: map[string]bool{key: true}} }

// add puts rows into the feed, seen as soon as they occur.
func (v *vendor) add(list ...*activity) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, a := range list {
		if a.indexed.IsZero() {
			a.indexed = a.at
		}
		if a.typ == "" {
			a.typ = "claude_chat_created"
		}
		i, _ := slices.BinarySearchFunc(v.rows, a, order)
		v.rows = slices.Insert(v.rows, i, a)
	}
}

func order(a, b *activity) int {
	if c := b.at.Compare(a.at); c != 0 {
		return c
	}
	return strings.Compare(b.id, a.id)
}

func (v *vendor) now() time.Time { return time.Now().Add(v.skew) }

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(v.travel / 2)
	if v.slow != nil {
		time.Sleep(v.slow(r))
	}
	defer time.Sleep(v.travel / 2)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	v.requests = append(v.requests, r)
	n := len(v.requests)
	var res *http.Response
	if v.faults != nil {
		res = v.faults(r, n)
	}
	id := fmt.Sprintf("req_%06d", n)
	if res != nil && res.StatusCode == 0 {
		v.called(r, id, http.StatusOK) // it arrived, and the answer did not
		return nil, errors.New("connection reset")
	}
	if res == nil {
		res = v.spend()
	}
	if res == nil {
		res = v.answer(r)
	}
	v.tell(res.Header)
	res.Header.Set("Request-Id", id)
	res.Header.Set("Date", v.now().UTC().Format(http.TimeFormat))
	res.Request = r
	v.called(r, id, res.StatusCode)
	return res, nil
}

// called has a call in the feed, where the feed is noisy; of half of those that fail it says nothing.
func (v *vendor) called(r *http.Request, id string, status int) {
	if !v.noisy || status != http.StatusOK && len(v.requests)%2 == 0 {
		return
	}
	a := &activity{id: "activity_call_" + id, at: v.now(), typ: "compliance_api_accessed",
		actor: fmt.Sprintf(`{"type":"api_actor","api_key_id":"apikey_01Tripod","ip_address":"192.0.2.8","user_agent":%q}`, r.UserAgent()),
		extra: fmt.Sprintf(`,"request_id":%q,"request_method":"GET","status_code":%d,"url":"https://api.anthropic.com%s"`, id, status, r.URL.RequestURI())}
	a.indexed = a.at
	i, _ := slices.BinarySearchFunc(v.rows, a, order)
	v.rows = slices.Insert(v.rows, i, a)
}

// spend takes a request out of the budget, or refuses it.
func (v *vendor) spend() *http.Response {
	if v.rate == 0 {
		return nil
	}
	if now := time.Now(); now.Sub(v.minute) >= time.Minute {
		v.minute, v.used = now, 0
	}
	if v.used++; v.used > v.rate {
		return fault(429, "rate_limit_error", "Compliance API rate limit has been exceeded.")
	}
	return nil
}

// tell says what is left of the budget.
func (v *vendor) tell(h http.Header) {
	if v.rate > 0 {
		h.Set("Anthropic-Ratelimit-Requests-Limit", strconv.Itoa(v.rate))
		h.Set("Anthropic-Ratelimit-Requests-Remaining", strconv.Itoa(max(v.rate-v.used, 0)))
		h.Set("Anthropic-Ratelimit-Requests-Reset", v.minute.Add(v.skew+time.Minute).UTC().Format(time.RFC3339))
	}
}

func response(status int, body string, header ...string) *http.Response {
	res := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ProtoMajor: 1, ProtoMinor: 1}
	for i := 0; i < len(header); i += 2 {
		res.Header.Set(header[i], header[i+1])
	}
	return res
}

func fault(status int, typ, message string, header ...string) *http.Response {
	return response(status, fmt.Sprintf(`{"error":{"type":%q,"message":%q}}`, typ, message), header...)
}

func (v *vendor) answer(r *http.Request) *http.Response {
	if !v.keys[r.Header.Get("X-Api-Key")] {
		return fault(401, "authentication_error", "API key is invalid.")
	}
	if v.off {
		return fault(400, "invalid_request_error", "Compliance API is not enabled for this organization")
	}
	q := r.URL.Query()
	var from, to time.Time
	limit := 100
	for name, values := range q {
		var err error
		switch name {
		case "created_at.gte":
			from, err = time.Parse(time.RFC3339Nano, values[0])
		case "created_at.lt":
			to, err = time.Parse(time.RFC3339Nano, values[0])
		case "limit":
			limit, err = strconv.Atoi(values[0])
		case "after_id", "before_id":
		default:
			err = errors.New("unknown")
		}
		if err != nil || limit < 1 || limit > 5000 {
			return fault(400, "invalid_request_error", "Unknown query parameter: '"+name+"'.")
		}
	}
	return v.page(from, to, q.Get("after_id"), q.Get("before_id"), limit)
}

// page cuts a page out of the rows that can be seen.
func (v *vendor) page(from, to time.Time, after, before string, limit int) *http.Response {
	v.pages++
	rows, now := v.rows, v.now()
	if !to.IsZero() {
		i, _ := slices.BinarySearchFunc(rows, to, func(a *activity, to time.Time) int { return to.Add(-1).Compare(a.at) })
		rows = rows[i:]
	}
	last := ""
	if after != "" {
		mark, err := parseCursor(after)
		if err != nil {
			return fault(400, "invalid_request_error", "Invalid pagination cursor for 'after_id'")
		}
		i, found := slices.BinarySearchFunc(rows, mark, order)
		if found {
			i++
		}
		rows, last = rows[i:], after
	}
	var seen []*activity
	for _, a := range rows {
		if a.at.Before(from) || before == "" && len(seen) > limit {
			break
		}
		if !a.indexed.After(now) {
			seen = append(seen, a)
		}
	}
	if before != "" {
		mark, err := parseCursor(before)
		if err != nil {
			return fault(400, "invalid_request_error", "Invalid pagination cursor for 'before_id'")
		}
		i, _ := slices.BinarySearchFunc(seen, mark, order)
		seen = seen[max(0, i-limit):i]
	}
	if v.pageMost > 0 {
		limit = min(limit, v.pageMost)
	}
	if v.rng != nil && limit > 1 && v.rng.IntN(4) == 0 {
		limit = 1 + v.rng.IntN(limit) // a short page with more to come
	}
	more := len(seen) > limit
	seen = seen[:min(limit, len(seen))]
	if slices.ContainsFunc(seen, func(a *activity) bool { return v.poison[a.id] }) {
		return fault(500, "api_error", "Internal server error", "X-Should-Retry", "false")
	}
	return v.render(seen, more, last)
}

func (v *vendor) render(page []*activity, more bool, last string) *http.Response {
	var bodies []json.RawMessage
	for _, a := range page {
		bodies = append(bodies, json.RawMessage(a.body()))
		if v.rng != nil && v.rng.IntN(20) == 0 {
			bodies = append(bodies, json.RawMessage(a.body())) // at least once
		}
	}
	out := map[string]any{"data": append([]json.RawMessage{}, bodies...), "has_more": more, "first_id": nil, "last_id": nil}
	if len(page) > 0 {
		out["first_id"], out["last_id"] = cursorOf(page[0]), cursorOf(page[len(page)-1])
	} else if more {
		out["last_id"] = last
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	return response(200, string(b), "Anthropic-Ratelimit-Requests-Limit", "600")
}

func cursorOf(a *activity) string {
	return base64.RawURLEncoding.EncodeToString([]byte(a.at.UTC().Format(time.RFC3339Nano) + " " + a.id))
}

func parseCursor(s string) (*activity, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, err
	}
	stamp, id, ok := bytes.Cut(b, []byte(" "))
	if !ok {
		return nil, errors.New("no cursor")
	}
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	return &activity{id: string(id), at: at}, err
}

// visible are the ids of what the feed shows by now with a time before the given one.
func (v *vendor) visible(before time.Time) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var ids []string
	for _, a := range v.rows {
		if !a.indexed.After(v.now()) && a.at.Before(before) {
			ids = append(ids, a.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// asked are the requests so far.
func (v *vendor) asked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.requests)
}

func (v *vendor) set(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
}
