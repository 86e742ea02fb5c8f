package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/secret"
)

const key = "sk-ant-api01-made-up"

// server answers requests in memory; n counts from 1.
type server struct {
	n      int
	last   *http.Request
	answer func(n int) *http.Response
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.n++
	s.last = r
	res := s.answer(s.n)
	if res == nil {
		return nil, errors.New("connection refused")
	}
	if res.Header.Get("Date") == "" {
		res.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	res.Header.Set("Request-Id", fmt.Sprintf("req_%d", s.n))
	return res, nil
}

func response(status int, body string, header ...string) *http.Response {
	res := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i < len(header); i += 2 {
		res.Header.Set(header[i], header[i+1])
	}
	return res
}

const empty = `{"data":[],"has_more":false,"first_id":null,"last_id":null}`

func client(t *testing.T, s *server, change ...func(*api.Options)) *api.Client {
	t.Helper()
	o := api.Options{URL: "https://vendor.example", Transport: s, UserAgent: "tripod/test", Key: func(context.Context) (secret.String, error) { return secret.New(key), nil }}
	for _, f := range change {
		f(&o)
	}
	c, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRequest(t *testing.T) {
	t.Parallel()
	s := &server{answer: func(int) *http.Response { return response(200, empty) }}
	at := time.Date(2026, 11, 20, 8, 9, 10, 5e8, time.FixedZone("", 7200))
	page, err := client(t, s).Activities(t.Context(), api.Query{From: at, To: at.Add(time.Hour), After: "a b", Limit: 5000}, api.Feed)
	if err != nil || page.RequestID != "req_1" || page.More || page.Date.IsZero() {
		t.Errorf("%+v %v", page, err)
	}
	const want = "https://vendor.example/v1/compliance/activities?after_id=a+b&created_at.gte=2026-11-20T06%3A09%3A10.5Z&created_at.lt=2026-11-20T07%3A09%3A10.5Z&limit=5000"
	if got := s.last.URL.String(); got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	for name, want := range map[string]string{"X-Api-Key": key, "Anthropic-Version": "2023-06-01", "User-Agent": "tripod/test"} {
		if got := s.last.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestErrors holds the table of the API's page: what is tried again, after how long, and what it is called.
func TestErrors(t *testing.T) {
	f := func(name string, answer *http.Response, tried int, least time.Duration, is func(*api.Error) bool) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{}
				s.answer = func(int) *http.Response {
					if answer == nil {
						return nil
					}
					again := *answer
					again.Header = answer.Header.Clone()
					again.Body = io.NopCloser(strings.NewReader(fmt.Sprintf(`{"error":{"type":"t","message":%q}}`, name)))
					return &again
				}
				begin := time.Now()
				_, err := client(t, s).Activities(t.Context(), api.Query{Limit: 1}, api.Feed)
				var e *api.Error
				if !errors.As(err, &e) || is != nil && !is(e) {
					t.Fatalf("error %v", err)
				}
				if took := time.Since(begin); s.n != tried || took < least || tried == 1 && took > 0 {
					t.Errorf("%d requests in %v, want %d in at least %v", s.n, took, tried, least)
				}
				if answer != nil && e.RequestID == "" {
					t.Error("no request id")
				}
			})
		})
	}
	f("created_at.lt must be strictly after created_at.gte.", response(400, ""), 1, 0, nil)
	f("Compliance API is not enabled for this organization", response(400, ""), 1, 0, (*api.Error).Disabled)
	f("API key is invalid.", response(401, ""), 1, 0, (*api.Error).KeyRefused)
	f("Not found", response(404, ""), 1, 0, (*api.Error).KeyRefused)
	f("Group not found.", response(404, ""), 1, 0, func(e *api.Error) bool { return !e.KeyRefused() })
	f("Missing required scopes.", response(403, ""), 1, 0, (*api.Error).Forbidden)
	f("conflict", response(409, ""), 1, 0, nil)
	f("budget", response(429, "", "Retry-After", "7"), 4, 21*time.Second, nil)
	f("budget without a time", response(429, ""), 4, 3*time.Second, nil)
	f("internal", response(500, ""), 4, 3*time.Second, nil)
	f("internal for good", response(500, "", "X-Should-Retry", "false"), 1, 0, nil)
	f("asked to try again", response(409, "", "X-Should-Retry", "true"), 4, 3*time.Second, nil)
	f("overloaded", response(529, ""), 4, 3*time.Second, nil)
	f("redirect", response(302, "", "Location", "https://elsewhere.example"), 1, 0, nil)
	f("no answer", nil, 4, 3*time.Second, nil)
}

func TestKeyGoesNowhereElse(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"http://vendor.example", "ftp://127.0.0.1", "https://", "https://user:secret@vendor.example", "vendor.example"} {
		_, err := api.New(api.Options{URL: u, Key: func(context.Context) (secret.String, error) { return secret.New(key), nil }})
		if err == nil || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v", u, err)
		}
	}
	for _, bad := range []string{"", "three words here", "a-key with\abell"} {
		s := &server{answer: func(int) *http.Response { return response(200, empty) }}
		c := client(t, s, func(o *api.Options) {
			o.Key = func(context.Context) (secret.String, error) { return secret.New(bad), nil }
		})
		if _, err := c.Activities(t.Context(), api.Query{Limit: 1}, api.Feed); !errors.Is(err, api.ErrKey) || s.n > 0 {
			t.Errorf("%q: %v, %d requests", bad, err, s.n)
		}
	}
}

func TestKeyInAnErrorIsHidden(t *testing.T) {
	t.Parallel()
	s := &server{answer: func(int) *http.Response {
		return response(400, `{"type":"error","error":{"type":"invalid_request_error","message":"you sent `+key+`\u0007"},"request_id":"req_of_the_body"}`)
	}}
	_, err := client(t, s).Activities(t.Context(), api.Query{Limit: 1}, api.Feed)
	if err == nil || strings.Contains(err.Error(), key) || strings.ContainsRune(err.Error(), 7) || !strings.Contains(err.Error(), "you sent") {
		t.Errorf("error %v", err)
	}
}

func TestBodies(t *testing.T) {
	f := func(body string, more bool, next string, is error) {
		t.Helper()
		s := &server{answer: func(int) *http.Response { return response(200, body) }}
		c := client(t, s, func(o *api.Options) { o.MaxBody = 200 })
		page, err := c.Activities(t.Context(), api.Query{Limit: 2, After: "c"}, api.Feed)
		if !errors.Is(err, is) || page.More != more || page.Next != next {
			t.Errorf("%.60s: more %v, next %q, %v", body, page.More, page.Next, err)
		}
	}
	f(`{"data":[{"id":"a"},{"id":"b"}],"has_more":true,"last_id":"x"}`, true, "x", nil)
	f(`{"data":[{"id":"a"},{"id":"b"}],"has_more":false,"last_id":"x"}`, false, "", nil)
	f(`{"data":[{"id":"a"}],"has_more":true,"last_id":"x"}`, true, "x", nil) // short
	f(`{"data":[{"id":"a"},{"id":"b"}]}`, true, "b", nil)                    // all optional
	f(`{"data":[{"id":"a"}]}`, false, "", nil)
	f(`{"data":[],"has_more":true,"last_id":"x"}`, true, "x", nil) // empty, and more behind it
	f(`{"data":[],"has_more":true,"last_id":null}`, false, "", api.ErrMalformed)
	f(`{"data":[{"id":"a"}],"has_more":true,"last_id":"c"}`, false, "", api.ErrMalformed) // a loop
	f(`{"data":null,"has_more":false}`, false, "", api.ErrMalformed)
	f(`{}`, false, "", api.ErrMalformed)
	f(`[]`, false, "", api.ErrMalformed)
	f(`{"data":[`, false, "", api.ErrMalformed)
	f(`{"data":["`+strings.Repeat("x", 300)+`"]}`, false, "", api.ErrTooLarge)
}

// TestBudget has two callers at a fixed window of the server's: all of it is used, none beyond it, and the feed goes first.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 100
		begin := time.Now()
		window := func(at time.Time) int64 { return int64(at.Sub(begin) / time.Minute) }
		used, most := map[int64]int{}, 0
		s := &server{}
		s.answer = func(int) *http.Response {
			at := time.Now()
			w := window(at)
			used[w]++
			most = max(most, used[w])
			reset := begin.Add(time.Duration(w+1) * time.Minute)
			return response(200, empty, "Anthropic-Ratelimit-Requests-Limit", fmt.Sprint(limit), "Anthropic-Ratelimit-Requests-Remaining", fmt.Sprint(limit-used[w]),
				"Anthropic-Ratelimit-Requests-Reset", reset.UTC().Format(time.RFC3339))
		}
		c := client(t, s)
		end := begin.Add(10 * time.Minute)
		polls := 0
		for time.Now().Before(end) {
			p := api.Backfill
			if time.Since(begin) > time.Duration(polls)*30*time.Second { // a poll comes due now and then
				p = api.Feed
				polls++
			}
			if _, err := c.Activities(t.Context(), api.Query{Limit: 1}, p); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		total := 0
		for _, n := range used {
			total += n
		}
		if most > limit || total < 95*limit*10/100 {
			t.Errorf("%d requests in ten windows of %d, at most %d in one", total, limit, most)
		}
	})
}

func TestFeedBeforeContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := api.NewBudget()
		taken := func(p api.Priority) int {
			n := 0
			for {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				err := b.Take(ctx, p)
				cancel()
				if err != nil {
					return n
				}
				n++
			}
		}
		if content, backfill, feed := taken(api.Content), taken(api.Backfill), taken(api.Feed); content != 540 || backfill != 48 || feed != 12 {
			t.Errorf("content %d, back-fill %d, feed %d", content, backfill, feed)
		}
	})
}

func TestServerTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: func(int) *http.Response {
			return response(200, empty, "Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		}}
		c := client(t, s)
		if _, _, ok := c.Now(); ok {
			t.Error("knows a time before any answer")
		}
		if _, err := c.Activities(t.Context(), api.Query{Limit: 1}, api.Feed); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		now, ahead, ok := c.Now()
		if want := time.Now().Add(-time.Hour); !ok || now.After(want) || now.Before(want.Add(-time.Second)) || ahead.Round(time.Second) != time.Hour {
			t.Errorf("now %v, want %v; ahead %v", now, want, ahead)
		}
	})
}
