package datadog

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/forward"
)

// TestLog leaves out a time that the intake would replace, and says when it occurred in any case.
func TestLog(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 12, 0, 0, 45e6, time.UTC)
	f := func(c Config, now time.Time, want string) {
		t.Helper()
		s := &sink{c: c.withDefaults(), host: "origin"}
		it := forward.Item{ID: "00112233445566778899aabbccddeeff", Kind: forward.KindRecord, Seq: 7, Time: at, Type: `a "type"`, Body: []byte(`{"a":1}`)}
		got := s.append(nil, &it, now)
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Error(diff)
		}
		if !json.Valid(got) {
			t.Errorf("no JSON: %s", got)
		}
	}
	const tail = `"occurred":"2026-11-01T12:00:00.045Z","message":"a \"type\"","tripod_id":"00112233445566778899aabbccddeeff","tripod_kind":"record","tripod_seq":7,`
	f(Config{}, at.Add(time.Minute), `{"ddsource":"tripod","service":"tripod","hostname":"origin","timestamp":1793534400045,`+tail+`"event":{"a":1}}`)
	f(Config{Service: "s", Tags: "env:x", Attribute: "ocsf"}, at.Add(18*time.Hour), `{"ddsource":"tripod","service":"s","hostname":"origin","ddtags":"env:x",`+tail+`"ocsf":{"a":1}}`)
	f(Config{}, at.Add(-2*time.Hour), `{"ddsource":"tripod","service":"tripod","hostname":"origin",`+tail+`"event":{"a":1}}`)
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
	f(Config{APIKey: secret})
	f(Config{APIKey: secret, Site: "us5.datadoghq.com", Attribute: "ocsf"})
	f(Config{}, "api_key")
	f(Config{APIKey: secret, Site: "https://x", Attribute: "message", InFlight: -1}, "site", "attribute", "in_flight")
	f(Config{APIKey: secret, Site: "datadoghq.eu", URL: "ftp://x"}, "url", "goes without site")
}
