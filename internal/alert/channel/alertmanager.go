package channel

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/forward"
)

// alertmanager posts to the API, version 2 (https://prometheus.io/docs/alerting/latest/clients/). An alert there is its set of labels, so those never change
// while it lasts; it ends by an endsAt, or where it is not told again in time.
type alertmanager struct {
	token   key
	url     string
	resend  time.Duration
	client  *http.Client
	version string
}

func newAlertmanager(cfg alert.Alertmanager, d Deps) (alert.Channel, error) {
	client, err := forward.NewClient(forward.ClientOptions{Timeout: timeout, TLS: cfg.TLS})
	if err != nil {
		return nil, err
	}
	return &alertmanager{token: key{from: cfg.Token}, url: strings.TrimSuffix(cfg.URL, "/") + "/api/v2/alerts", resend: cmp.Or(cfg.Resend, time.Minute), client: client, version: d.Version}, nil
}

// Traits implements alert.Channel.
func (a *alertmanager) Traits() alert.Traits { return alert.Traits{Resend: a.resend, States: true} }

// Close implements alert.Channel.
func (a *alertmanager) Close() error { a.client.CloseIdleConnections(); return nil }

// Send implements alert.Channel.
func (a *alertmanager) Send(ctx context.Context, m alert.Message) error {
	header := http.Header{}
	if !a.token.from.IsZero() {
		token, err := a.token.read(ctx)
		if err != nil {
			return err
		}
		header.Set("Authorization", "Bearer "+token.Reveal())
	}
	res, err := post(ctx, a.client, a.url, a.version, header, []any{a.body(&m, time.Now())})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return a.token.forget(refusal(res))
}

func (a *alertmanager) body(m *alert.Message, now time.Time) any {
	notes := map[string]string{"summary": cut(m.Sentence(), 2000), "description": m.Rule.Why}
	if m.URL != "" {
		notes["alert_url"] = m.URL
	}
	if m.By != "" {
		notes["handled"] = string(m.Alert.State) + " by " + m.By
	}
	body := map[string]any{
		// The severity of an alert may rise while it lasts, so it is a note: as a label it would make another alert of it.
		"labels": map[string]string{"alertname": labelled(m), "alert": m.Alert.ID, "rule": m.Alert.Rule, "job": "tripod"}, "annotations": notes,
		"startsAt": m.Alert.Opened.Format(time.RFC3339Nano),
	}
	notes["severity"] = string(m.Alert.Severity)
	if m.URL != "" {
		body["generatorURL"] = m.URL
	}
	ends := now.Add(4 * a.resend) // over what it may be told again in, so that a slow moment resolves nothing
	if m.Event == alert.Closed {
		ends = now
	}
	body["endsAt"] = ends.Format(time.RFC3339Nano)
	return body
}

// labelled names an alert for people, by what never changes while it lasts.
func labelled(m *alert.Message) string { return cmp.Or(m.Rule.Title, m.Alert.Rule) }
