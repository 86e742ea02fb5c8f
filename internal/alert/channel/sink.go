package channel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/webhook"
)

// Type is the type of what is sent about an alert, to webhooks and sinks.
const Type = "tripod.alert"

// sink tells of alerts what a way out for records hands on.
type sink struct {
	to     forward.Sink
	format func(*alert.Message) ([]byte, error)
}

func newWebhook(ctx context.Context, c *alert.ChannelConfig, d Deps) (alert.Channel, error) {
	w := c.Webhook
	to, err := webhook.New(ctx, webhook.Config{URL: w.URL, Secrets: w.Secrets, AllowPrivate: w.AllowPrivate, TLS: w.TLS, InFlight: 1},
		forward.SinkDeps{Name: c.Name, Origin: d.Origin, Version: d.Version, Holds: "metadata", Logger: d.Logger})
	if err != nil {
		return nil, err
	}
	return &sink{to: to, format: plain}, nil
}

// Traits implements alert.Channel.
func (s *sink) Traits() alert.Traits { return alert.Traits{States: true} }

// Close implements alert.Channel.
func (s *sink) Close() error { return s.to.Close() }

// Send implements alert.Channel.
func (s *sink) Send(ctx context.Context, m alert.Message) error {
	body, err := s.format(&m)
	if err != nil {
		return &alert.RefusedError{Err: err}
	}
	out, err := s.to.Send(ctx, []forward.Item{ItemOf(&m, body)})
	switch {
	case errors.Is(err, forward.ErrTooLarge):
		return &alert.RefusedError{Err: err}
	case err != nil || len(out) == 0:
		return err
	case out[0].Code == forward.Dead:
		return &alert.RefusedError{Err: errors.New(out[0].Reason)}
	case out[0].Code == forward.Again:
		return fmt.Errorf("refused for now: %s", out[0].Reason)
	}
	return nil
}

// ItemOf is a message as an item of a sink.
func ItemOf(m *alert.Message, body []byte) forward.Item {
	return forward.Item{ID: m.ID, Kind: forward.KindAlert, Time: m.Alert.At.Truncate(time.Millisecond), Key: m.Alert.ID, Type: Type, Body: body}
}

// Plain is an alert as webhooks get it; docs/alerts.md has it field by field.
type Plain struct {
	Type     string         `json:"type"`
	ID       string         `json:"id"`
	Event    alert.Event    `json:"event"`
	Alert    alert.Alert    `json:"alert"`
	Rule     alert.Rule     `json:"rule"`
	Severity alert.Severity `json:"severity"`
	Sentence string         `json:"sentence"`
	URL      string         `json:"url,omitempty"`
	By       string         `json:"by,omitempty"`
}

func plain(m *alert.Message) ([]byte, error) {
	return json.Marshal(Plain{Type, m.ID, m.Event, m.Alert, m.Rule, m.Alert.Severity, m.Sentence(), m.URL, m.By})
}
