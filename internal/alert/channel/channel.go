// Package channel tells people of alerts: over Slack, PagerDuty, Alertmanager, e-mail and signed webhooks.
//
// Durability: a channel keeps nothing; what was sent is remembered by the outbox in package alert, which sends again what was not
// acknowledged. What an acknowledgement is worth, docs/alerts.md says of each: PagerDuty and Alertmanager recognise a message that comes twice, a
// reader of mail by its Message-ID, a webhook by its id; Slack shows it twice. Order: messages arrive in the order in which they are sent, as far as
// the receiver keeps it. Concurrency: a channel is used by one goroutine at a time.
package channel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Deps is what channels are made with beside their configuration.
type Deps struct {
	Version string // of Tripod, for User-Agent
	Origin  string // of the ledger, which names this journal
	Logger  *slog.Logger
}

// Open makes the channels of a configuration, by name. It reads no secret but those that sign webhooks: another that is not there is told when an alert
// is to be sent.
func Open(ctx context.Context, cfg []alert.ChannelConfig, d Deps) (map[string]alert.Channel, error) {
	made := make(map[string]alert.Channel, len(cfg))
	for i := range cfg {
		c := &cfg[i]
		ch, err := open(ctx, c, d)
		if err != nil {
			return nil, fmt.Errorf("alerts: channel %s: %w", c.Name, err)
		}
		made[c.Name] = ch
	}
	return made, nil
}

func open(ctx context.Context, c *alert.ChannelConfig, d Deps) (alert.Channel, error) {
	switch c.Kind() {
	case "slack":
		return newSlack(*c.Slack, d)
	case "pagerduty":
		return newPagerDuty(*c.PagerDuty, d)
	case "alertmanager":
		return newAlertmanager(*c.Alertmanager, d)
	case "mail":
		return newMail(*c.Mail, d)
	case "webhook":
		return newWebhook(ctx, c, d)
	}
	return nil, errors.New("it is of no kind")
}

// timeout bounds one request; the outbox tries again.
const timeout = 20 * time.Second

// key is a credential that is read when it is first needed, and again once the receiver refuses it, so that it can be replaced.
type key struct {
	from forward.Secret
	held secret.String
}

func (k *key) read(ctx context.Context) (secret.String, error) {
	if k.held.IsZero() {
		s, err := k.from.Read(ctx)
		if err != nil {
			return s, &forward.AuthError{Err: err}
		}
		k.held = s
	}
	return k.held, nil
}

// forget makes the next read look again, where a receiver refused the credential.
func (k *key) forget(err error) error {
	var auth *forward.AuthError
	if errors.As(err, &auth) {
		k.held = secret.String{}
	}
	return err
}

// post sends JSON. Errors do not name the address, which is a secret of some channels.
func post(ctx context.Context, client *http.Client, url, version string, header http.Header, body any) (*http.Response, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, &alert.RefusedError{Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		return nil, errors.New("the address is none")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Tripod/"+version)
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("post: %w", bare(err))
	}
	return res, nil
}

// bare takes the address out of an error of package http.
func bare(err error) error {
	var u interface{ Unwrap() error }
	if errors.As(err, &u) {
		if inner := u.Unwrap(); inner != nil {
			return inner
		}
	}
	return errors.New("the request failed")
}

// refusal is forward.Refusal, where other answers of 4xx, which sending again does not change, are final.
func refusal(res *http.Response) error {
	err := forward.Refusal(res)
	var later *forward.RetryAfter
	var auth *forward.AuthError
	if err == nil || errors.As(err, &later) || errors.As(err, &auth) {
		return err
	}
	if res.StatusCode >= 400 && res.StatusCode < 500 {
		return &alert.RefusedError{Err: err}
	}
	return err
}
