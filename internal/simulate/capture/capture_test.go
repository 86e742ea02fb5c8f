package capture_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/tripod-audit/tripod/internal/simulate/capture"
)

func scenarios(t *testing.T) []capture.Scenario {
	t.Helper()
	list, err := capture.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 20 {
		t.Fatalf("%d scenarios, want 20", len(list))
	}
	return list
}

func text(t *testing.T, s capture.Scenario) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRenewChangesTimesAndIDsOnly(t *testing.T) {
	for _, s := range scenarios(t) {
		was := text(t, s)
		a, again, b := text(t, s.Renew("a", time.Hour)), text(t, s.Renew("a", time.Hour)), text(t, s.Renew("b", time.Hour))
		if text(t, s) != was {
			t.Fatalf("%s: Renew changed the original", s.Name)
		}
		if a != again || a == b || a == was {
			t.Errorf("%s: runs are not told apart by their name alone", s.Name)
		}
		for i, e := range s.Exports {
			if n := s.Renew("a", 0).Exports[i].Records(); n != e.Records() || n == 0 {
				t.Errorf("%s: export %d has %d records, was %d", s.Name, i, n, e.Records())
			}
		}
		if got := s.Renew("a", time.Hour).Last(); !got.Equal(s.Last().Add(time.Hour)) {
			t.Errorf("%s: last time %v, want an hour after %v", s.Name, got, s.Last())
		}
		if strings.Contains(a, "toolu_fake0000") {
			t.Errorf("%s: a tool-use id was kept", s.Name)
		}
	}
}

func TestSendIsOTLP(t *testing.T) {
	got := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.URL.Path != "/v1/logs" {
			return
		}
		req := plogotlp.NewExportRequest()
		if err := req.UnmarshalJSON(b); err != nil {
			t.Error(err)
		}
		got += req.Logs().LogRecordCount()
	}))
	defer srv.Close()
	want := 0
	for _, s := range scenarios(t) {
		for _, e := range s.Renew("x", 0).Exports {
			if err := e.Send(t.Context(), srv.Client(), srv.URL); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
			if e.Signal == "logs" {
				want += e.Records()
			}
		}
	}
	if got != want || want == 0 {
		t.Errorf("received %d log records, sent %d", got, want)
	}
}

func TestSendReportsRefusal(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "journal full", http.StatusServiceUnavailable)
	}))
	defer srv.Close()
	err := scenarios(t)[0].Exports[0].Send(t.Context(), srv.Client(), srv.URL)
	if err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "journal full") {
		t.Errorf("error = %v", err)
	}
}

// TestSequencesCountWithoutGaps holds the captures to what the client promises of event.sequence.
func TestSequencesCountWithoutGaps(t *testing.T) {
	for _, s := range scenarios(t) {
		next := int64(0)
		s.EachSequence(func(n int64) int64 {
			if n != next {
				t.Errorf("%s: sequence %d follows %d", s.Name, n, next-1)
			}
			next = n + 1
			return n
		})
		if next == 0 && s.Name != "v1.0.128" && s.Name != "v2.0.77" {
			t.Errorf("%s has no sequences", s.Name)
		}
	}
}
