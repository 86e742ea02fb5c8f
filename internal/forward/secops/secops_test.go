package secops

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/simulate/siem"
)

func TestLog(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 12, 0, 0, 45e6, time.UTC)
	f := func(c Config, now time.Time, want string) {
		t.Helper()
		s := &sink{c: c}
		it := forward.Item{ID: "00112233445566778899aabbccddeeff", Kind: forward.KindRecord, Seq: 7, Time: at, Body: []byte(`{"a":1}`)}
		got := s.append(nil, &it, now)
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Error(diff)
		}
		if !json.Valid(got) {
			t.Errorf("no JSON: %s", got)
		}
	}
	const labels = `"labels":{"tripod_id":{"value":"00112233445566778899aabbccddeeff"},"tripod_kind":{"value":"record"},"tripod_seq":{"value":"7"}}}`
	f(Config{}, at.Add(time.Second), `{"data":"eyJhIjoxfQ==","logEntryTime":"2026-11-01T12:00:00.045Z","collectionTime":"2026-11-01T12:00:01.045Z",`+labels)
	// A clock ahead of ours: collected no earlier than it occurred.
	f(Config{Namespace: "n"}, at.Add(-time.Second), `{"data":"eyJhIjoxfQ==","logEntryTime":"2026-11-01T12:00:00.045Z","collectionTime":"2026-11-01T12:00:00.045Z","environmentNamespace":"n",`+labels)
}

func TestAccount(t *testing.T) {
	t.Parallel()
	good := siem.New(siem.Options{}).ServiceAccount("https://oauth2.example.com")
	a, err := parseAccount(good)
	if err != nil || a.email != siem.FakeAccount || a.tokenURI != "https://oauth2.example.com/token" {
		t.Fatalf("%+v %v", a, err)
	}
	f := func(change func(map[string]string)) {
		t.Helper()
		m := map[string]string{}
		if err := json.Unmarshal(good, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parseAccount(b)
		if err == nil {
			t.Errorf("taken: %v", m)
		} else if strings.Contains(err.Error(), "MII") || strings.Contains(err.Error(), "canary") {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	f(func(m map[string]string) { m["type"] = "authorized_user" })
	f(func(m map[string]string) { m["client_email"] = "" })
	f(func(m map[string]string) { m["private_key"] = "canary" })
	f(func(m map[string]string) {
		m["private_key"] = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"
	})
	f(func(m map[string]string) { m["token_uri"] = "http://elsewhere.example.com/token" })
}

func TestValidate(t *testing.T) {
	t.Parallel()
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
	f(Config{Project: "p", Location: "eu", Instance: "i", Credentials: forward.Secret{File: "/x"}})
	f(Config{}, "project", "location", "instance", "credentials")
	f(Config{Project: "p", Location: "eu", Instance: "i", Credentials: forward.Secret{File: "/x"}, LogType: "x", Endpoint: "http://e.example.com", RequestBytes: 1, InFlight: 99},
		"log_type", "endpoint", "request_bytes", "in_flight")
}

func FuzzAccount(f *testing.F) {
	f.Add([]byte(`{"type":"service_account","client_email":"a@b","private_key":"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----"}`))
	f.Add(siem.New(siem.Options{}).ServiceAccount("https://oauth2.example.com"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := parseAccount(data); err == nil && (a.key == nil || a.email == "" || a.tokenURI == "") {
			t.Errorf("%+v", a)
		}
	})
}
