package channel

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/forward"
)

// pagerDuty sends events by the Events API, version 2 (https://developer.pagerduty.com/docs/send-alert-event). The alert's id is the dedup_key, so what
// comes twice is one incident. Its 202 says that the event is queued there.
type pagerDuty struct {
	key     key
	url     string
	origin  string
	client  *http.Client
	version string
}

const pagerDutyURL = "https://events.pagerduty.com/v2/enqueue"

func newPagerDuty(cfg alert.PagerDuty, d Deps) (alert.Channel, error) {
	client, err := forward.NewClient(forward.ClientOptions{Timeout: timeout, PublicOnly: !cfg.AllowPrivate})
	if err != nil {
		return nil, err
	}
	return &pagerDuty{key: key{from: cfg.RoutingKey}, url: cmp.Or(cfg.URL, pagerDutyURL), origin: cmp.Or(d.Origin, "tripod"), client: client, version: d.Version}, nil
}

// Traits implements alert.Channel.
func (p *pagerDuty) Traits() alert.Traits {
	return alert.Traits{Every: 500 * time.Millisecond, States: true} // 120 events a minute are within the limits of an integration
}

// Close implements alert.Channel.
func (p *pagerDuty) Close() error { p.client.CloseIdleConnections(); return nil }

// Send implements alert.Channel.
func (p *pagerDuty) Send(ctx context.Context, m alert.Message) error {
	routing, err := p.key.read(ctx)
	if err != nil {
		return err
	}
	body := map[string]any{"routing_key": routing.Reveal(), "dedup_key": "tripod/" + m.Alert.ID, "event_action": action(m.Event)}
	if action(m.Event) == "trigger" {
		body["payload"] = p.payload(&m)
		body["client"] = "Tripod"
		if m.URL != "" {
			body["client_url"] = m.URL
			body["links"] = []any{map[string]string{"href": m.URL, "text": "The alert in Tripod"}}
		}
	}
	res, err := post(ctx, p.client, p.url, p.version, nil, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return p.key.forget(refusal(res))
}

func action(e alert.Event) string {
	switch e {
	case alert.Taken:
		return "acknowledge"
	case alert.Closed:
		return "resolve"
	}
	return "trigger"
}

func (p *pagerDuty) payload(m *alert.Message) any {
	details := map[string]any{"rule": m.Alert.Rule, "alert": m.Alert.ID, "times": m.Alert.Count, "record": m.Alert.LastSeq}
	if f := m.Alert.Firing; f != nil {
		for name, value := range map[string]any{"threshold": f.Threshold, "version": f.Version} {
			if value != "" {
				details[name] = value
			}
		}
		if len(f.Group) > 0 {
			details["about"] = f.Group
		}
	}
	return map[string]any{
		"summary": cut(m.Sentence(), 1024), "source": p.origin, "severity": pagerDutySeverity(m.Alert.Severity), "timestamp": m.Alert.At.Format(time.RFC3339Nano),
		"class": m.Alert.Rule, "custom_details": details,
	}
}

// pagerDutySeverity puts a severity into one of the four that an event may have.
func pagerDutySeverity(s alert.Severity) string {
	switch s {
	case alert.Critical:
		return "critical"
	case alert.High:
		return "error"
	case alert.Low, alert.Informational:
		return "info"
	}
	return "warning"
}
