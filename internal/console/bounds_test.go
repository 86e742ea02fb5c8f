package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// heavySpans are spans as an export gives them that says as much as a span may: each event has its own attributes.
func heavySpans(t testing.TB, n int, session string, at time.Time) (list []intake.Draft) {
	t.Helper()
	var attributes []string
	for i := range 80 {
		attributes = append(attributes, fmt.Sprintf(`{"key":"count.of.something.%d","value":{"intValue":"1234567890123"}}`, i))
	}
	event := `{"name":"e","timeUnixNano":"` + fmt.Sprint(at.UnixNano()) + `","attributes":[` + strings.Join(attributes, ",") + `]}`
	events := strings.TrimSuffix(strings.Repeat(event+",", 500), ",")
	norm := normalise.New(0)
	for i := range n {
		body := fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"claude_code.tool","traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"%016x",
			"startTimeUnixNano":"%d","attributes":[{"key":"session.id","value":{"stringValue":%q}}],"events":[%s]}]}]}]}`, i+1, at.UnixNano()+int64(i)*1e6, session, events)
		groups, err := wire.DecodeTraces(body, wire.JSON, wire.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range norm.Spans(groups, normalise.Origin{Credential: "fleet", Received: at}) {
			draft := intake.Draft{Record: d.Record, Form: d.Form}
			for _, p := range d.Pieces {
				draft.Pieces = append(draft.Pieces, intake.Piece(p))
			}
			list = append(list, draft)
		}
	}
	return list
}

// TestHeavySpans: what an export says at most can be looked at.
func TestHeavySpans(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	seqs := b.Submit("fleet", heavySpans(t, 1, "s-heavy", time.Now())...)
	b.CatchUp()
	b.SignIn()
	for _, seq := range seqs {
		stored, err := b.Journal.Reader().Get(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(stored[0].Bytes); n > 3<<20/2 {
			t.Errorf("a record of %d bytes", n)
		}
	}
	for _, path := range []string{"/activity", "/session/s-heavy", "/api/v1/search?limit=1000"} {
		if a := b.Get(path); a.Status != http.StatusOK || len(a.Body) > 10<<20 {
			t.Errorf("%s: %d, %d bytes", path, a.Status, len(a.Body))
		}
	}
}

// large are records whose canonical bytes are about so many, which decode quickly.
func large(n, bytes int, at time.Time) (list []intake.Draft) {
	for i := range n {
		list = append(list, intake.Draft{Form: fmt.Appendf(nil, "large %d", i), Record: &audit.Record{
			Normaliser: "test/1", Source: audit.SourceTranscript, Activity: audit.ActivityPrompt, Type: strings.Repeat("x", bytes), Outcome: audit.OutcomeUnknown,
			Occurred: at.Add(time.Duration(i) * time.Second), Keys: audit.Keys{Session: "s-large"},
		}})
	}
	return list
}

// TestPagesOfLargeRecords: pages end early, and the next one goes on where they end.
func TestPagesOfLargeRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	want := b.Submit("fleet", large(5, 2<<20, time.Now())...)
	b.CatchUp()
	b.SignIn()
	var got []uint64
	for cursor := ""; ; {
		a := b.Get("/api/v1/search" + query("source:transcript") + "&order=oldest&limit=1000&cursor=" + cursor)
		var page struct {
			Records []struct{ Seq uint64 }
			Next    string
		}
		if err := json.Unmarshal([]byte(a.Body), &page); err != nil || len(a.Body) > 9<<20 {
			t.Fatalf("%d bytes, %v", len(a.Body), err)
		}
		for _, r := range page.Records {
			got = append(got, r.Seq)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the pages hold %v of %v", got, want)
	}
	a := b.Get("/activity" + query("source:transcript"))
	if n := strings.Count(a.Body, `href="/record/`); a.Status != http.StatusOK || n == 0 || !strings.Contains(a.Body, "cursor=") {
		t.Errorf("activity: %d, %d rows", a.Status, n)
	}
}

// TestFewExportsAtOnce: one too many is told to come again, and is not on record as an export.
func TestFewExportsAtOnce(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	asked, answer := make(chan struct{}, 100), make(chan struct{})
	var err error
	b.Console, err = console.New(console.Config{URL: b.Server.URL}, console.Deps{SignIn: b.SignIns,
		Record: func(ctx context.Context, act intake.Act) error {
			_, err := b.Door.Record(ctx, act, nil)
			return err
		},
		Reader: reading.New(reading.Parts{Journal: b.Journal.Reader(), Dir: b.Dir, Serving: true,
			Search: func(context.Context) (search.Reader, error) {
				asked <- struct{}{}
				<-answer
				return nil, errors.New("not now")
			},
			Found: func(context.Context) (reading.Discrepancies, error) { return b.Found, nil },
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.SignIn()
	path := "/activity/export" + query("source:transcript") + "&as=ndjson"
	done := make(chan consoletest.Answer, 2)
	for range 2 {
		go func() { done <- b.Get(path) }()
	}
	for range 2 {
		<-asked
	}
	a := b.Get(path)
	if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || !strings.Contains(a.Body, "Other exports are under way") {
		t.Errorf("the third: %d %v %.300s", a.Status, a.Header, a.Body)
	}
	if n := len(b.Own(console.TypeExport)); n != 2 {
		t.Errorf("%d exports on record", n)
	}
	close(answer)
	for range 2 {
		<-done
	}
	if a := b.Get(path); strings.Contains(a.Body, "Other exports are under way") {
		t.Errorf("once they have ended: %d %.300s", a.Status, a.Body)
	}
}

// TestClosedView: whatever asks the search view says what to do where it cannot be asked.
func TestClosedView(t *testing.T) {
	t.Parallel()
	b, sessions := filled(t)
	if err := b.Index.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/session/" + sessions[0], "/activity/counts?q=tool%3ABash", "/activity/new?q=tool%3ABash&since=0", "/activity/values?field=tool&q=tool%3AB*",
		"/activity/export?as=csv&q=", "/api/v1/search?q=x", "/api/v1/facets?q=x", "/api/v1/histogram?q=x",
	} {
		if a := b.Get(path); a.Status != http.StatusServiceUnavailable || !strings.Contains(a.Body, "tripod serve opens the search view again by itself") {
			t.Errorf("%s: %d %.300s", path, a.Status, a.Body)
		}
	}
	for _, path := range []string{"/", "/health", "/activity?q=tool%3ABash"} {
		if a := b.Get(path); a.Status != http.StatusOK || !strings.Contains(a.Body, "tripod serve opens the search view again by itself") {
			t.Errorf("%s: %d does not say what to do", path, a.Status)
		}
	}
}
