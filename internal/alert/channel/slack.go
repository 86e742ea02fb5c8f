package channel

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/forward"
)

// slack posts to an incoming webhook, at most once a second (https://docs.slack.dev/apis/web-api/rate-limits). Slack has no key by which it would
// recognise a message that comes twice.
type slack struct {
	url     key
	client  *http.Client
	version string
}

func newSlack(cfg alert.Slack, d Deps) (alert.Channel, error) {
	client, err := forward.NewClient(forward.ClientOptions{Timeout: timeout, PublicOnly: !cfg.AllowPrivate})
	if err != nil {
		return nil, err
	}
	return &slack{url: key{from: cfg.URL}, client: client, version: d.Version}, nil
}

// Traits implements alert.Channel.
func (s *slack) Traits() alert.Traits { return alert.Traits{Every: time.Second} }

// Close implements alert.Channel.
func (s *slack) Close() error { s.client.CloseIdleConnections(); return nil }

// Send implements alert.Channel.
func (s *slack) Send(ctx context.Context, m alert.Message) error {
	address, err := s.url.read(ctx)
	if err != nil {
		return err
	}
	if forward.URLProblem(address.Reveal()) != nil {
		return s.url.forget(&forward.AuthError{Err: errors.New("what the secret holds is not the https address of an incoming webhook")})
	}
	res, err := post(ctx, s.client, address.Reveal(), s.version, nil, slackBody(&m))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	// A webhook that is gone answers 404 or 410 (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks): as good as a refused
	// credential, since a new one mends it.
	if res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone {
		return s.url.forget(&forward.AuthError{Err: errors.New("the webhook is gone")})
	}
	return s.url.forget(refusal(res))
}

// most lengths of texts in characters; Slack refuses longer ones.
const (
	mostHeader = 150
	mostText   = 2900
)

func slackBody(m *alert.Message) any {
	plain := func(s string, most int) any {
		return map[string]any{"type": "plain_text", "text": cut(s, most), "emoji": false}
	}
	blocks := []any{
		map[string]any{"type": "header", "text": plain(m.Subject(), mostHeader)},
		map[string]any{"type": "section", "text": plain(m.Sentence(), mostText)},
	}
	var about []any
	if m.By != "" {
		about = append(about, plain(string(m.Event)+" by "+m.By, mostText))
	}
	about = append(about, plain("alert "+m.Alert.ID+", "+m.Alert.At.Format("2006-01-02 15:04:05")+" UTC", mostText))
	if m.URL != "" {
		about = append(about, map[string]any{"type": "mrkdwn", "text": "<" + m.URL + "|Open it in Tripod>"})
	}
	blocks = append(blocks, map[string]any{"type": "context", "elements": about})
	// text is what notifications show; there mark-up acts, so what could mention somebody is escaped.
	return map[string]any{"text": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(cut(m.Subject(), mostText)), "blocks": blocks}
}

// cut shortens a text to at most so many characters.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
