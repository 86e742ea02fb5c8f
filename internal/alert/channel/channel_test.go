package channel_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/alert/channel"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward"
)

// receiver answers what the test says and keeps what it got.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []map[string]any
	header http.Header
	status int
	after  string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusAccepted}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		b, _ := io.ReadAll(req.Body)
		var one map[string]any
		var list []map[string]any
		if json.Unmarshal(b, &one) == nil {
			r.bodies = append(r.bodies, one)
		} else if json.Unmarshal(b, &list) == nil {
			r.bodies = append(r.bodies, list...)
		} else {
			t.Errorf("%s is no JSON: %s", req.URL, b)
		}
		r.header = req.Header
		if r.after != "" {
			w.Header().Set("Retry-After", r.after)
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) last(t *testing.T) map[string]any {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.bodies) == 0 {
		t.Fatal("nothing came")
	}
	return r.bodies[len(r.bodies)-1]
}

func open(t *testing.T, c alert.ChannelConfig) alert.Channel {
	t.Helper()
	c.Name = "it"
	cfg := alert.DefaultConfig()
	cfg.Channels = []alert.ChannelConfig{c}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	made, err := channel.Open(context.Background(), cfg.Channels, channel.Deps{Version: "test", Origin: "example.com/tripod"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made["it"].Close() })
	return made["it"]
}

func message(e alert.Event) alert.Message {
	at := time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
	f := &alert.Firing{ID: "f", Seq: 7, Rule: "sso-off", Title: "SSO off", Version: "abc", Sentence: "dana@example.com's account turned <!channel> SSO off\r\nBcc: all@example.com", Group: map[string]string{"account": "dana@example.com"}, At: at}
	a := alert.Alert{ID: strings.Repeat("ab", 16), Rule: "sso-off", Title: "SSO off", Severity: alert.High, State: alert.Open, Opened: at, Latest: at, At: at, Count: 3, LastSeq: 7, Firing: f}
	if e == alert.Closed {
		a.State = alert.Resolved
	}
	return alert.Message{ID: strings.Repeat("0f", 16), Event: e, Alert: a, Rule: alert.Rule{ID: "sso-off", Title: "SSO was turned off"}, URL: "https://audit.example.com/alerts/" + a.ID}
}

func TestSlack(t *testing.T) {
	r := newReceiver(t)
	r.status = http.StatusOK
	t.Setenv("SLACK_URL", r.URL+"/services/made-up")
	c := open(t, alert.ChannelConfig{Slack: &alert.Slack{URL: forward.Secret{Env: "SLACK_URL"}, AllowPrivate: true}})
	if err := c.Send(t.Context(), message(alert.Opened)); err != nil {
		t.Fatal(err)
	}
	body := r.last(t)
	if body["text"] != "[high] SSO was turned off (3 times)" {
		t.Errorf("text: %v", body["text"])
	}
	for _, block := range body["blocks"].([]any) { // what a record says is plain text, where nothing mentions anybody
		if text, ok := block.(map[string]any)["text"].(map[string]any); ok && text["type"] != "plain_text" {
			t.Errorf("block: %v", block)
		}
	}
	r.status, r.after = http.StatusTooManyRequests, "17"
	var later *forward.RetryAfter
	if err := c.Send(t.Context(), message(alert.Opened)); !errors.As(err, &later) || later.After != 17*time.Second {
		t.Errorf("429: %v", err)
	}
	r.status, r.after = http.StatusNotFound, ""
	var auth *forward.AuthError
	if err := c.Send(t.Context(), message(alert.Opened)); !errors.As(err, &auth) || strings.Contains(err.Error(), "made-up") {
		t.Errorf("404: %v", err)
	}
	r.Close()
	if err := c.Send(t.Context(), message(alert.Opened)); err == nil || strings.Contains(err.Error(), "made-up") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestPagerDuty(t *testing.T) {
	r := newReceiver(t)
	t.Setenv("PD_KEY", "made-up-routing-key")
	c := open(t, alert.ChannelConfig{PagerDuty: &alert.PagerDuty{RoutingKey: forward.Secret{Env: "PD_KEY"}, URL: r.URL, AllowPrivate: true}})
	for event, want := range map[alert.Event]string{alert.Opened: "trigger", alert.Escalated: "trigger", alert.Taken: "acknowledge", alert.Closed: "resolve"} {
		if err := c.Send(t.Context(), message(event)); err != nil {
			t.Fatal(err)
		}
		body := r.last(t)
		if body["event_action"] != want || body["dedup_key"] != "tripod/"+strings.Repeat("ab", 16) || body["routing_key"] != "made-up-routing-key" {
			t.Errorf("%s: %v", event, body)
		}
		if p, ok := body["payload"].(map[string]any); (want == "trigger") != ok || ok && (p["severity"] != "error" || p["source"] != "example.com/tripod") {
			t.Errorf("%s: payload %v", event, p)
		}
	}
	r.status = http.StatusBadRequest
	var refused *alert.RefusedError
	if err := c.Send(t.Context(), message(alert.Opened)); !errors.As(err, &refused) {
		t.Errorf("400: %v", err)
	}
	r.status = http.StatusInternalServerError
	if err := c.Send(t.Context(), message(alert.Opened)); err == nil || errors.As(err, &refused) {
		t.Errorf("500: %v", err)
	}
}

func TestAlertmanager(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.status = http.StatusOK
	c := open(t, alert.ChannelConfig{Alertmanager: &alert.Alertmanager{URL: r.URL}})
	labels := ""
	for _, event := range []alert.Event{alert.Opened, alert.Escalated, alert.StillActive, alert.Closed} {
		m := message(event)
		if event == alert.Escalated {
			m.Alert.Severity, m.Alert.Count = alert.Critical, 9
		}
		if err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		body := r.last(t)
		b, _ := json.Marshal(body["labels"])
		if labels != "" && labels != string(b) {
			t.Errorf("%s: the labels changed, so it is another alert: %s, %s", event, labels, b)
		}
		labels = string(b)
		ends, err := time.Parse(time.RFC3339Nano, body["endsAt"].(string))
		if over := !ends.After(time.Now()); err != nil || over != (event == alert.Closed) {
			t.Errorf("%s: ends %v, %v", event, ends, err)
		}
	}
	if c.Traits().Resend == 0 {
		t.Error("Alertmanager forgets what is not told again")
	}
}

func TestWebhook(t *testing.T) {
	r := newReceiver(t)
	r.status = http.StatusNoContent
	t.Setenv("WEBHOOK_SECRET", "whsec_bWFkZS11cC1tYWRlLXVwLW1hZGUtdXAtbWFkZQ==")
	c := open(t, alert.ChannelConfig{Webhook: &alert.Webhook{URL: r.URL, Secrets: []forward.Secret{{Env: "WEBHOOK_SECRET"}}, AllowPrivate: true}})
	if err := c.Send(t.Context(), message(alert.Opened)); err != nil {
		t.Fatal(err)
	}
	if r.header.Get("webhook-signature") == "" {
		t.Errorf("it is not signed: %v", r.header)
	}
	b, _ := json.Marshal(r.last(t))
	if !strings.Contains(string(b), channel.Type) || !strings.Contains(string(b), strings.Repeat("ab", 16)) {
		t.Errorf("body: %s", b)
	}
}

// TestNoContent holds that configuration lets no channel carry content.
func TestNoContent(t *testing.T) {
	t.Parallel()
	for _, holds := range []string{string(audit.ClassDetail), string(audit.ClassText), "all"} {
		cfg := alert.DefaultConfig()
		cfg.Channels = []alert.ChannelConfig{{Name: "it", Holds: holds, Slack: &alert.Slack{URL: forward.Secret{Env: "X"}}}}
		if cfg.Validate() == nil {
			t.Errorf("holds: %s was taken", holds)
		}
	}
}
