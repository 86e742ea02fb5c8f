// Package datadog sends to Datadog's log intake (https://docs.datadoghq.com/api/latest/logs/send-logs/).
//
// Durability: the answer is 202, accepted for processing: the grade is "accepted". Datadog knows no ids: what is sent again is
// there twice, told apart by the attribute tripod_id. It cuts a log of more than 1 MB and answers with success all the same, so
// a larger one is not sent and becomes a dead letter.
//
// Order: none. Datadog takes times up to 18 hours old; an older log is shown under the time it came. When it occurred is in the
// attribute occurred in any case.
//
// Concurrency: a sink is safe for concurrent use and starts no goroutine.
package datadog

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/post"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Limits of the intake, in bytes and logs, with room for what stands around a record; and the oldest time that is sent, with
// room for the way there.
const (
	mostItems = 1000
	mostBytes = 4_200_000
	mostItem  = 990_000
	oldest    = 17 * time.Hour
)

type sink struct {
	c      Config
	host   string
	key    *post.Credential
	poster *post.Poster
}

// New makes the sink.
func New(ctx context.Context, c Config, d forward.SinkDeps) (forward.Sink, error) {
	c = c.withDefaults()
	client, err := forward.NewClient(forward.ClientOptions{TLS: c.TLS})
	if err != nil {
		return nil, err
	}
	s := &sink{c: c, host: d.Origin, key: post.Static(c.APIKey), poster: post.New(client, d.Version)}
	if _, err := s.key.Get(ctx); err != nil {
		return nil, fmt.Errorf("api_key: %w", err)
	}
	return s, nil
}

// Grade is accepted.
func (s *sink) Grade() forward.Grade { return forward.GradeAccepted }

// Limits are the intake's.
func (s *sink) Limits() forward.Limits {
	return forward.Limits{Items: mostItems, Bytes: mostBytes, ItemBytes: mostItem, InFlight: s.c.InFlight, Linger: 200 * time.Millisecond}
}

// Close lets go of connections.
func (s *sink) Close() error {
	s.poster.Close()
	return nil
}

// Send posts the logs.
func (s *sink) Send(ctx context.Context, items []forward.Item) ([]forward.Outcome, error) {
	now := time.Now()
	body := []byte{'['}
	for i := range items {
		if i > 0 {
			body = append(body, ',')
		}
		body = s.append(body, &items[i], now)
	}
	body = append(body, ']')
	var outcomes []forward.Outcome
	err := s.key.With(ctx, func(key secret.String) error {
		a, err := s.poster.Do(ctx, post.Request{
			URL: strings.TrimSuffix(s.c.URL, "/") + "/api/v2/logs", Header: http.Header{"Dd-Api-Key": {key.Reveal()}}, Body: body, Gzip: true,
		})
		switch {
		case err != nil:
			return err
		case a.Status == http.StatusBadRequest:
			outcomes, err = post.Malformed(items, "Datadog answers 400 Bad Request")
			return err
		case a.Err != nil:
			return a.Err
		case a.Status != http.StatusAccepted && a.Status != http.StatusOK:
			return fmt.Errorf("the answer %d is not Datadog's", a.Status)
		}
		return nil
	})
	return outcomes, err
}

// append writes a log. All but its reserved timestamp follows from the item.
func (s *sink) append(b []byte, it *forward.Item, now time.Time) []byte {
	b = append(b, `{"ddsource":"tripod","service":`...)
	b = post.AppendString(b, s.c.Service)
	b = append(b, `,"hostname":`...)
	b = post.AppendString(b, s.host)
	if s.c.Tags != "" {
		b = append(b, `,"ddtags":`...)
		b = post.AppendString(b, s.c.Tags)
	}
	if age := now.Sub(it.Time); age < oldest && age > -time.Hour {
		b = append(b, `,"timestamp":`...)
		b = strconv.AppendInt(b, it.Time.UnixMilli(), 10)
	}
	b = append(b, `,"occurred":`...)
	b = post.AppendTime(b, it.Time)
	b = append(b, `,"message":`...)
	b = post.AppendString(b, it.Type)
	b = append(b, `,"tripod_id":`...)
	b = post.AppendString(b, it.ID)
	b = append(b, `,"tripod_kind":"`...)
	b = append(b, it.Kind.String()...)
	b = append(b, `","tripod_seq":`...)
	b = post.AppendSeq(b, it.Seq)
	b = append(b, `,"`...)
	b = append(b, s.c.Attribute...)
	b = append(b, `":`...)
	b = append(b, it.Body...)
	return append(b, '}')
}
