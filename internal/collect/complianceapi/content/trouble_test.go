package content_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

// own are Tripod's own records of a type, each by one of its attributes.
func (b *bench) own(typ, attribute string) (list []string) {
	for _, r := range b.records() {
		if r.Source == audit.SourceTripod && r.Type == typ {
			v, _ := r.Attributes.Get(attribute)
			list = append(list, v.Text())
		}
	}
	return list
}

func (b *bench) raised() (codes []string) {
	for _, c := range b.health.Conditions() {
		codes = append(codes, c.Code)
	}
	slices.Sort(codes)
	return codes
}

func refuse(status int, message string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Request-Id": {"req_made_up"}},
		Body: io.NopCloser(bytes.NewReader([]byte(`{"error":{"type":"overloaded_error","message":"` + message + `"}}`))),
	}
}

// bubble opens a bench that goes by the clock of a bubble.
func bubble(t *testing.T, policy capture.Config, o simulated.Options) *bench {
	t.Helper()
	time.Sleep(time.Until(noon()))
	o.Since = noon().Add(-15 * time.Hour)
	return openAt(t, policy, o, time.Now)
}

// TestUnreadable: what refuses to be read holds nothing else up, is tried for days, and is then a record.
func TestUnreadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bubble(t, textOf(audit.SourceComplianceSession), simulated.Options{})
		start := time.Now().Add(-3 * time.Hour)
		sessions, messages := b.truth(start)
		var broken string
		for id := range sessions {
			broken = max(broken, id)
		}
		var tries atomic.Int64
		b.inject = func(r *http.Request) *http.Response {
			if strings.Contains(r.URL.Path, broken+"/messages") {
				tries.Add(1)
				return refuse(http.StatusServiceUnavailable, "Captured content is temporarily unavailable. Try again shortly.")
			}
			return nil
		}
		settled, stop := b.run(content.Config{Start: start, Interval: 6 * time.Hour, Slow: 100 * time.Hour}, nil)
		settled()
		have := map[string]int{}
		for _, r := range b.records() {
			if r.Keys.Session != broken {
				have[r.ID]++
			}
		}
		missing := 0
		for id := range messages {
			if have[id] == 0 {
				missing++
			}
		}
		if len(have) == 0 || missing == len(messages) {
			t.Errorf("%d of %d messages are missing", missing, len(messages))
		}
		time.Sleep(4 * 24 * time.Hour)
		synctest.Wait()
		stop()
		if ids := b.own(content.TypeUnread, "id"); !slices.Contains(ids, broken) {
			t.Errorf("not read: %v, want %s among them", ids, broken)
		}
		if n := tries.Load(); n < 10 || n > 200 {
			t.Errorf("%d tries", n)
		}
		if raised := b.raised(); len(raised) > 0 {
			t.Errorf("conditions %v", raised)
		}
	})
}

// TestWithoutScope: a key that may not read content is said once, for all parts together.
func TestWithoutScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bubble(t, capture.Config{}, simulated.Options{})
		b.use(b.api.Keys().Limited)
		all := func(string) bool { return true }
		_, stop := b.run(content.Config{}, nil)
		time.Sleep(5 * time.Minute)
		first := b.asked(all)
		time.Sleep(55 * time.Minute)
		synctest.Wait()
		if n := b.asked(all) - first; first > 8 || n < 4 || n > 6 {
			t.Errorf("%d requests at once and %d in an hour, want one in ten minutes for all parts together", first, n)
		}
		if raised := b.raised(); !slices.Equal(raised, []string{"compliance.content.forbidden"}) {
			t.Errorf("conditions %v", raised)
		}
		b.use(b.api.Keys().Read)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		stop()
		if raised := b.raised(); len(raised) > 0 {
			t.Errorf("conditions %v after the key was replaced", raised)
		}
		if told := b.own("tripod.feed.interrupted", "feed"); !slices.Equal(told, []string{"compliance.content"}) {
			t.Errorf("interrupted: %v", told)
		}
		if told := b.own("tripod.feed.resumed", "feed"); !slices.Equal(told, []string{"compliance.content"}) {
			t.Errorf("resumed: %v", told)
		}
	})
}

// TestFamilyUnavailable: an organisation whose local sessions are not available has all else read.
func TestFamilyUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bubble(t, capture.Config{}, simulated.Options{NoLocalSessions: true})
		_, stop := b.run(content.Config{Start: time.Now().Add(-3 * time.Hour)}, nil)
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		stop()
		if c := b.health.Conditions(); len(c) != 1 || c[0].Code != "compliance.local_sessions.unavailable" || c[0].Severity != health.Warning {
			t.Errorf("conditions %v", c)
		}
		if n := b.asked(func(path string) bool { return strings.HasSuffix(path, "/sessions/local") }); n > 5 {
			t.Errorf("%d requests in half an hour for what is not available", n)
		}
		if _, types := b.told(); types["chat"] == 0 || types["project"] == 0 {
			t.Errorf("records %v", types)
		}
	})
}

// TestPolicyKeepsMore: what was withheld before is read once the policy keeps it.
func TestPolicyKeepsMore(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	b := open(t, capture.Config{}, simulated.Options{})
	cfg := content.Config{Start: noon().Add(-20 * time.Hour)}
	b.finished(cfg)
	b.keep(everything())
	b.finished(cfg)
	sessions, messages := b.truth(cfg.Start)
	b.compare(sessions, messages)
	if _, types := b.told(); types["file"] == 0 || types["artifact"] == 0 || types["project_knowledge"] == 0 || types["code_artifact_version"] == 0 {
		t.Errorf("records %v", types)
	}
}

// TestFeedFirst: however much content there is to read, the feed is never held up by it, and the budget never exceeded.
func TestFeedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bubble(t, everything(), simulated.Options{Rate: 100, RemoteRate: 20})
		var limited atomic.Int64
		b.answered = func(res *http.Response) {
			if res.StatusCode == http.StatusTooManyRequests && !strings.Contains(res.Request.URL.Path, "/sessions/remote") {
				limited.Add(1)
			}
		}
		_, stop := b.run(content.Config{Start: time.Now().Add(-12 * time.Hour)}, nil)
		for range 60 {
			time.Sleep(7 * time.Second)
			begin := time.Now()
			if _, err := b.shared.Activities(t.Context(), api.Query{Limit: 10}, api.Feed); err != nil {
				t.Error(err)
			}
			if d := time.Since(begin); d > 0 {
				t.Errorf("the feed waited for %v", d)
			}
		}
		stop()
		if n := b.asked(func(string) bool { return true }); n < 400 {
			t.Errorf("%d requests in seven minutes: there was nothing to hold the feed up", n)
		}
		if n := limited.Load(); n > 0 {
			t.Errorf("%d requests beyond the budget", n)
		}
	})
}
