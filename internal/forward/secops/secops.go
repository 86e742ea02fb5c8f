// Package secops sends to Google SecOps by the import of raw logs
// (https://cloud.google.com/chronicle/docs/reference/rest/v1beta/projects.locations.instances.logTypes.logs/import).
//
// Durability: the answer is 200 once the logs are taken over; parsing comes later and tells nothing back: the grade is
// "accepted". What is sent again may be there twice, told apart by the label tripod_id.
//
// Order: none. Each log has when it occurred and when it was sent.
//
// Concurrency: a sink is safe for concurrent use and starts no goroutine. Who first needs an access token gets it for all.
package secops

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/post"
	"github.com/tripod-audit/tripod/internal/secret"
)

// envelope is what stands around a log at most, in bytes, with names of the usual length.
const envelope = 420

type sink struct {
	c      Config
	at     string
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
	s := &sink{c: c, poster: post.New(client, d.Version)}
	s.at = fmt.Sprintf("%s/v1beta/projects/%s/locations/%s/instances/%s/logTypes/%s/logs:import", strings.TrimSuffix(c.Endpoint, "/"),
		url.PathEscape(c.Project), url.PathEscape(c.Location), url.PathEscape(c.Instance), url.PathEscape(c.LogType))
	s.token = post.NewCredential(s.assert)
	if _, err := s.account(ctx); err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return s, nil
}

// Grade is accepted.
func (s *sink) Grade() forward.Grade { return forward.GradeAccepted }

// Limits leave room for base64 and what stands around a log.
func (s *sink) Limits() forward.Limits {
	items := min(s.c.RequestBytes/3/envelope, 1000)
	return forward.Limits{Items: items, Bytes: (s.c.RequestBytes-items*envelope)/4*3 - 3*items, InFlight: s.c.InFlight, Linger: 500 * time.Millisecond}
}

// Close lets go of connections.
func (s *sink) Close() error {
	s.poster.Close()
	return nil
}

// Send imports the logs.
func (s *sink) Send(ctx context.Context, items []forward.Item) ([]forward.Outcome, error) {
	now := time.Now()
	body := []byte(`{"inlineSource":{"logs":[`)
	for i := range items {
		if i > 0 {
			body = append(body, ',')
		}
		body = s.append(body, &items[i], now)
	}
	body = append(body, ']')
	if s.c.Forwarder != "" {
		body = append(body, `,"forwarder":`...)
		body = post.AppendString(body, s.c.Forwarder)
	}
	body = append(body, "}}"...)
	var outcomes []forward.Outcome
	err := s.token.With(ctx, func(token secret.String) error {
		a, err := s.poster.Do(ctx, post.Request{URL: s.at, Header: http.Header{"Authorization": {"Bearer " + token.Reveal()}}, Body: body, Gzip: true})
		switch {
		case err != nil:
			return err
		case a.Status == http.StatusBadRequest:
			outcomes, err = post.Malformed(items, "the API answers 400 Bad Request: does the instance have the log type "+s.c.LogType+"?")
			return err
		case a.Status == http.StatusNotFound:
			return fmt.Errorf("the API answers 404: project %s has no instance %s at %s, or no log type %s", s.c.Project, s.c.Instance, s.c.Location, s.c.LogType)
		}
		return a.Err
	})
	return outcomes, err
}

// append writes a log. It is collected no earlier than it occurred, whatever the clocks say.
func (s *sink) append(b []byte, it *forward.Item, now time.Time) []byte {
	if now.Before(it.Time) {
		now = it.Time
	}
	b = append(b, `{"data":"`...)
	b = base64.StdEncoding.AppendEncode(b, it.Body)
	b = append(b, `","logEntryTime":`...)
	b = post.AppendTime(b, it.Time)
	b = append(b, `,"collectionTime":`...)
	b = post.AppendTime(b, now)
	if s.c.Namespace != "" {
		b = append(b, `,"environmentNamespace":`...)
		b = post.AppendString(b, s.c.Namespace)
	}
	b = append(b, `,"labels":{"tripod_id":{"value":`...)
	b = post.AppendString(b, it.ID)
	b = append(b, `},"tripod_kind":{"value":"`...)
	b = append(b, it.Kind.String()...)
	b = append(b, `"},"tripod_seq":{"value":"`...)
	b = post.AppendSeq(b, it.Seq)
	return append(b, `"}}}`...)
}
