// Package sentinel sends to Microsoft Sentinel by the Logs Ingestion API
// (https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview).
//
// Durability: the answer is 204, accepted; what the data collection rule's transformation then makes of it is told elsewhere,
// if at all: the grade is "accepted". Sentinel knows no ids: what is sent again is there twice, told apart by the column
// tripod_id. The value of a column is cut at 64 KB with success, so an item with a larger one is not sent and becomes a dead
// letter.
//
// Order: none. TimeGenerated is when a record occurred; the workspace replaces it where that is more than two days ago, so it
// stands in the column Occurred, too.
//
// Concurrency: a sink is safe for concurrent use and starts no goroutine. Who first needs an access token gets it for all.
package sentinel

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/post"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Limits of a call (1 MB, packed or not) and of a column's value, in bytes, with room for what stands around a record: items
// times envelope and bodies together are less than a call takes.
const (
	envelope   = 420
	mostItems  = 500
	mostBytes  = 1<<20 - mostItems*envelope - 8<<10
	mostColumn = 64_000
)

type sink struct {
	c      Config
	at     string
	host   string
	token  *post.Credential
	poster *post.Poster
}

// New makes the sink.
func New(ctx context.Context, c Config, d forward.SinkDeps) (forward.Sink, error) {
	c = c.withDefaults()
	client, err := forward.NewClient(forward.ClientOptions{TLS: c.TLS})
	if err != nil {
		return nil, err
	}
	s := &sink{c: c, host: d.Origin, poster: post.New(client, d.Version)}
	s.at = strings.TrimSuffix(c.Endpoint, "/") + "/dataCollectionRules/" + url.PathEscape(c.Rule) + "/streams/" + url.PathEscape(c.Stream) + "?api-version=2023-01-01"
	s.token = post.NewCredential(s.clientCredentials)
	if _, err := c.ClientSecret.Read(ctx); err != nil {
		return nil, fmt.Errorf("client_secret: %w", err)
	}
	return s, nil
}

// clientCredentials asks for an access token by the client credentials flow
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow). The secret is read each time.
func (s *sink) clientCredentials(ctx context.Context) (secret.String, time.Duration, error) {
	v, err := s.c.ClientSecret.Read(ctx)
	if err != nil {
		return v, 0, &forward.AuthError{Err: fmt.Errorf("client_secret: %w", err)}
	}
	endpoint := strings.TrimSuffix(s.c.Authority, "/") + "/" + url.PathEscape(s.c.Tenant) + "/oauth2/v2.0/token"
	return s.poster.Token(ctx, endpoint, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {s.c.ClientID}, "client_secret": {v.Reveal()}, "scope": {s.c.Scope},
	})
}

// Grade is accepted.
func (s *sink) Grade() forward.Grade { return forward.GradeAccepted }

// Limits are the API's.
func (s *sink) Limits() forward.Limits {
	l := forward.Limits{Items: mostItems, Bytes: mostBytes, ItemBytes: mostColumn, InFlight: s.c.InFlight, Linger: 500 * time.Millisecond}
	if s.c.Columns == columnsFields {
		l.ItemBytes = mostBytes
	}
	return l
}

// Close lets go of connections.
func (s *sink) Close() error {
	s.poster.Close()
	return nil
}

// Send posts rows. Those that no column could hold are not sent.
func (s *sink) Send(ctx context.Context, items []forward.Item) ([]forward.Outcome, error) {
	body, outcomes, left := s.rows(items)
	if left == 0 {
		return outcomes, nil
	}
	err := s.token.With(ctx, func(token secret.String) error {
		a, err := s.poster.Do(ctx, post.Request{URL: s.at, Header: http.Header{"Authorization": {"Bearer " + token.Reveal()}}, Body: body, Gzip: true})
		switch {
		case err != nil:
			return err
		case a.Status == http.StatusBadRequest:
			outcomes, err = post.Malformed(items, "the endpoint answers 400 Bad Request: does the rule declare the stream and its columns?")
			return err
		case a.Status == http.StatusNotFound:
			return fmt.Errorf("the endpoint answers 404: it has no rule %s with a stream %s", s.c.Rule, s.c.Stream)
		case a.Err != nil:
			return a.Err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// rows writes the rows, the outcomes of items that are not among them (nil for none), and how many are.
func (s *sink) rows(items []forward.Item) (body []byte, outcomes []forward.Outcome, left int) {
	body = []byte{'['}
	for i := range items {
		begin := len(body)
		if left > 0 {
			body = append(body, ',')
		}
		var reason string
		if body, reason = s.row(body, &items[i]); reason == "" {
			left++
			continue
		}
		body = body[:begin]
		if outcomes == nil {
			outcomes = make([]forward.Outcome, len(items))
		}
		outcomes[i] = forward.Outcome{Code: forward.Dead, Reason: reason}
	}
	return append(body, ']'), outcomes, left
}

// row writes one row, or says why it cannot be one.
func (s *sink) row(b []byte, it *forward.Item) ([]byte, string) {
	b = append(b, `{"TimeGenerated":`...)
	b = post.AppendTime(b, it.Time)
	b = append(b, `,"Occurred":`...)
	b = post.AppendTime(b, it.Time)
	b = append(b, `,"Origin":`...)
	b = post.AppendString(b, s.host)
	b = append(b, `,"tripod_id":`...)
	b = post.AppendString(b, it.ID)
	b = append(b, `,"tripod_kind":"`...)
	b = append(b, it.Kind.String()...)
	b = append(b, `","tripod_seq":`...)
	b = post.AppendSeq(b, it.Seq)
	b = append(b, `,"tripod_type":`...)
	b = post.AppendString(b, it.Type)
	var reason string
	if s.c.Columns == columnsFields {
		b, reason = appendFields(b, it.Body)
	} else {
		b = append(b, `,"Event":`...)
		b = append(b, it.Body...)
	}
	return append(b, '}'), reason
}
