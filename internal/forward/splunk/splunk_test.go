package splunk

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/simulate/siem"
)

func item(kind forward.Kind) forward.Item {
	return forward.Item{
		ID: "00112233445566778899aabbccddeeff", Kind: kind, Seq: 7, Time: time.Date(2026, 11, 1, 12, 0, 0, 45e6, time.UTC), Type: `a "type"`,
		Body: []byte(`{"a":1}`),
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	f := func(c Config, kind forward.Kind, want string) {
		t.Helper()
		s := &sink{c: c.withDefaults(), host: "origin"}
		it := item(kind)
		got := string(s.append(nil, &it))
		if diff := cmp.Diff(want+"\n", got); diff != "" {
			t.Error(diff)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("no JSON: %s", got)
		}
	}
	f(Config{}, forward.KindRecord, `{"time":1793534400.045,"host":"origin","source":"tripod","sourcetype":"tripod:audit",`+
		`"fields":{"tripod_id":"00112233445566778899aabbccddeeff","tripod_seq":"7","tripod_type":"a \"type\""},"event":{"a":1}}`)
	f(Config{Index: "main", Source: "s", SourceType: "x"}, forward.KindCheckpoint, `{"time":1793534400.045,"host":"origin","source":"s",`+
		`"sourcetype":"tripod:checkpoint","index":"main","fields":{"tripod_id":"00112233445566778899aabbccddeeff","tripod_seq":"7","tripod_type":"a \"type\""},"event":{"a":1}}`)
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	items := make([]forward.Item, 3)
	one := 1
	outcomes, err := malformed(items, reply{Code: 6, Invalid: &one})
	if err != nil {
		t.Fatal(err)
	}
	var codes []forward.Code
	for _, o := range outcomes {
		codes = append(codes, o.Code)
	}
	if diff := cmp.Diff([]forward.Code{forward.Again, forward.Dead, forward.Again}, codes); diff != "" {
		t.Error(diff)
	}
	for code := range setUp {
		if outcomes, err := malformed(items, reply{Code: code, Invalid: &one}); err == nil {
			t.Errorf("code %d, which no item is to blame for: %v", code, outcomes)
		}
	}
}

func TestChannelIsUUID(t *testing.T) {
	t.Parallel()
	if c := newChannel(); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(c) || c == newChannel() {
		t.Error(c)
	}
}

// TestFind reads back what arrived, where it is told where to look.
func TestFind(t *testing.T) {
	t.Parallel()
	fake := siem.New(siem.Options{})
	server := httptest.NewServer(fake)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(siem.FakeToken), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Config{URL: server.URL, Token: forward.Secret{File: file}}
	deps := forward.SinkDeps{Origin: "o"}
	plain, err := New(t.Context(), c, deps)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := plain.(forward.Prober); ok {
		t.Error("says it can look without being told where")
	}
	c.Search = &Search{URL: server.URL, Token: forward.Secret{File: file}}
	s, err := New(t.Context(), c, deps)
	if err != nil {
		t.Fatal(err)
	}
	it := item(forward.KindProbe)
	if found, err := s.(forward.Prober).Find(t.Context(), it.ID); err != nil || found {
		t.Errorf("before: %v %v", found, err)
	}
	if _, err := s.Send(t.Context(), []forward.Item{it}); err != nil {
		t.Fatal(err)
	}
	if found, err := s.(forward.Prober).Find(t.Context(), it.ID); err != nil || !found {
		t.Errorf("after: %v %v", found, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestTokenOfTheOtherKind says which setting does not fit the token.
func TestTokenOfTheOtherKind(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(siem.New(siem.Options{}))
	defer server.Close()
	f := func(token string, ack bool, want string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := New(t.Context(), Config{URL: server.URL, Token: forward.Secret{File: file}, Ack: ack}, forward.SinkDeps{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Send(t.Context(), []forward.Item{item(forward.KindRecord)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ack %v: %v", ack, err)
		}
	}
	f(siem.FakeAckToken, false, "set ack: true")
	f(siem.FakeToken, true, "set ack: false")
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
	f(Config{URL: "https://s.example.com:8088", Token: secret})
	f(Config{}, "url", "token")
	f(Config{URL: "http://s.example.com", Token: secret}, "https")
	f(Config{URL: "https://s.example.com", Token: secret, AckTimeout: 1, AckPoll: 1, RequestBytes: 1, InFlight: -1, Search: &Search{}},
		"ack_timeout", "ack_poll", "request_bytes", "in_flight", "search.url", "search.token")
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"text":"x","code":6,"invalid-event-number":1}`))
	f.Add([]byte(`{"code":7}`))
	f.Add([]byte("{\"result\":{\"tripod_id\":\"a\"}}\n{}"))
	items := make([]forward.Item, 3)
	f.Fuzz(func(t *testing.T, body []byte) {
		hasResult(body, "a")
		var r reply
		if json.Unmarshal(body, &r) != nil {
			return
		}
		outcomes, err := malformed(items, r)
		if (err == nil) != (len(outcomes) == len(items)) {
			t.Errorf("%d outcomes and %v", len(outcomes), err)
		}
	})
}
