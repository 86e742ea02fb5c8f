package elastic

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/simulate/siem"
)

func item(body string) forward.Item {
	return forward.Item{ID: "00112233445566778899aabbccddeeff", Kind: forward.KindRecord, Seq: 7, Time: time.Date(2026, 11, 1, 12, 0, 0, 45e6, time.UTC), Body: []byte(body)}
}

func TestLines(t *testing.T) {
	t.Parallel()
	f := func(c Config, body, index, document string) {
		t.Helper()
		s, err := New(t.Context(), c, forward.SinkDeps{})
		if err != nil {
			t.Fatal(err)
		}
		it := item(body)
		want := `{"create":{"_index":"` + index + `","_id":"00112233445566778899aabbccddeeff"}}` + "\n" + document + "\n"
		if diff := cmp.Diff(want, string(s.(*sink).append(nil, &it))); diff != "" {
			t.Error(diff)
		}
	}
	f(Config{}, `{"a":1}`, "tripod-2026.11", `{"@timestamp":"2026-11-01T12:00:00.045Z","a":1}`)
	f(Config{Index: "x", Every: "day"}, `{}`, "x-2026.11.01", `{"@timestamp":"2026-11-01T12:00:00.045Z"}`)
	f(Config{DataStream: "logs-tripod.audit-default"}, `{"@timestamp":"2026","a":1}`, "logs-tripod.audit-default", `{"@timestamp":"2026","a":1}`)
}

func TestResults(t *testing.T) {
	t.Parallel()
	body := `{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}},` +
		`{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}},` +
		`{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"failed to parse [a]. Preview of field's value: 'secret words'"}}},` +
		`{"create":{"status":404,"error":{"type":"index_not_found_exception","reason":"no such index"}}},` +
		`{"create":{"status":400,"error":{"type":"index_closed_exception"}}},{"create":{"status":403,"error":{"type":"cluster_block_exception"}}},` +
		`{"create":{"status":503,"error":{"type":"unavailable_shards_exception"}}},{}]}`
	outcomes, err := results([]byte(body), 9)
	if err != nil {
		t.Fatal(err)
	}
	want := []forward.Code{
		forward.Accepted, forward.Duplicate, forward.Again, forward.Dead, forward.Again, forward.Again, forward.Again, forward.Again, forward.Again,
	}
	for i, o := range outcomes {
		if o.Code != want[i] {
			t.Errorf("item %d: %v %s", i, o.Code, o.Reason)
		}
		if strings.Contains(o.Reason, "secret words") {
			t.Errorf("item %d: the reason shows a value: %s", i, o.Reason)
		}
	}
	if want := "400 document_parsing_exception: failed to parse [a]."; outcomes[3].Reason != want {
		t.Error(outcomes[3].Reason)
	}
	for _, bad := range []string{``, `{`, `{}`, `{"errors":false,"items":[]}`, `<html>`, body[:200]} {
		if outcomes, err := results([]byte(bad), 9); err == nil {
			t.Errorf("%s: %v", bad, outcomes)
		}
	}
}

// TestFind reads back what arrived; one that is sent again meets the same index.
func TestFind(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(siem.New(siem.Options{}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(siem.FakeElasticKey), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), Config{URL: server.URL, APIKey: forward.Secret{File: file}}, forward.SinkDeps{})
	if err != nil {
		t.Fatal(err)
	}
	it := item(`{"a":1}`)
	find := func(want bool) {
		t.Helper()
		if found, err := s.(forward.Prober).Find(t.Context(), it.ID); err != nil || found != want {
			t.Errorf("%v %v", found, err)
		}
	}
	find(false)
	for _, want := range [][]forward.Outcome{nil, {{Code: forward.Duplicate}}} {
		outcomes, err := s.Send(t.Context(), []forward.Item{it})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, outcomes); diff != "" {
			t.Error(diff)
		}
		find(true)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	secret := forward.Secret{Env: "X"}
	f := func(c Config, wants ...string) {
		t.Helper()
		err := c.Validate()
		if (err == nil) != (len(wants) == 0) {
			t.Errorf("%+v: %v", c, err)
		}
		for _, want := range wants {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v says nothing of %s", err, want)
			}
		}
	}
	const url = "https://e.example.com:9200"
	f(Config{URL: url, APIKey: secret})
	f(Config{URL: url, User: "u", Password: secret})
	f(Config{URL: "http://127.0.0.1:9200"})
	f(Config{}, "url")
	f(Config{URL: url, APIKey: secret, User: "u"}, "api_key")
	f(Config{URL: url, User: "u"}, "user")
	f(Config{URL: url, Index: "UP", Every: "year", RequestBytes: 1, InFlight: 100}, "index", "every", "request_bytes", "in_flight")
	f(Config{URL: url, Index: "a", DataStream: "b"}, "data_stream")
}

func FuzzResults(f *testing.F) {
	f.Add([]byte(`{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`))
	f.Add([]byte(`{"errors":true,"items":[{"create":{"status":400,"error":{"type":"x","reason":"preview of field's value"}}},{"a":{},"b":{}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		outcomes, err := results(body, 2)
		if outcomes != nil && len(outcomes) != 2 {
			t.Errorf("%d outcomes", len(outcomes))
		}
		if err == nil && !json.Valid(body) {
			t.Error("believed what is no JSON")
		}
	})
}
