// Package splunk sends to Splunk's HTTP Event Collector
// (https://docs.splunk.com/Documentation/Splunk/latest/Data/FormateventsforHTTPEventCollector), with indexer acknowledgement
// (https://docs.splunk.com/Documentation/Splunk/latest/Data/AboutHECIDXAck) or without.
//
// Durability: without acknowledgement an answer of 200 says that the event was taken over, before it is indexed: the grade is
// "accepted". With it, Send returns when the indexers have the batch on disk. Splunk knows no ids: what is sent again is there
// twice, told apart by the indexed field tripod_id.
//
// Order: events arrive in no particular order. A true acknowledgement is forgotten by Splunk once it was read, and false says
// both that it is pending and that it was lost; so a batch without one is sent again after AckTimeout.
//
// Concurrency: a sink is safe for concurrent use and starts no goroutine. Each batch under way asks for its own
// acknowledgement, so no more than InFlight are pending on the sink's channel.
package splunk

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/post"
	"github.com/tripod-audit/tripod/internal/secret"
)

// envelope is what stands around an event at most, in bytes, with names of the usual length.
const envelope = 512

type sink struct {
	c       Config
	host    string
	channel string
	token   *post.Credential
	poster  *post.Poster
}

// New makes the sink. It is a forward.Prober where c.Search says where to look.
func New(ctx context.Context, c Config, d forward.SinkDeps) (forward.Sink, error) {
	c = c.withDefaults()
	client, err := forward.NewClient(forward.ClientOptions{TLS: c.TLS})
	if err != nil {
		return nil, err
	}
	// Behind a load balancer, an acknowledgement is known only where the events went: its cookie leads there.
	if client.Jar, err = cookiejar.New(nil); err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	s := &sink{c: c, host: d.Origin, channel: newChannel(), token: post.Static(c.Token), poster: post.New(client, d.Version)}
	if _, err := s.token.Get(ctx); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	if c.Search == nil {
		return s, nil
	}
	return newSearching(ctx, s, d)
}

// newChannel is a random UUID.
func newChannel() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // does not fail
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Grade is durable with acknowledgement, else accepted.
func (s *sink) Grade() forward.Grade {
	if s.c.Ack {
		return forward.GradeDurable
	}
	return forward.GradeAccepted
}

// Limits leave room for what stands around the events.
func (s *sink) Limits() forward.Limits {
	items := min(max(s.c.RequestBytes/2/envelope, 16), 2000)
	return forward.Limits{Items: items, Bytes: s.c.RequestBytes - items*envelope, InFlight: s.c.InFlight, Linger: 200 * time.Millisecond}
}

// Close lets go of connections.
func (s *sink) Close() error {
	s.poster.Close()
	return nil
}

// Send posts the events and, with acknowledgement, waits for it.
func (s *sink) Send(ctx context.Context, items []forward.Item) ([]forward.Outcome, error) {
	var body []byte
	for i := range items {
		body = s.append(body, &items[i])
	}
	var outcomes []forward.Outcome
	err := s.token.With(ctx, func(token secret.String) (err error) {
		outcomes, err = s.send(ctx, items, body, token)
		return err
	})
	return outcomes, err
}

// append writes an event with what stands around it.
func (s *sink) append(b []byte, it *forward.Item) []byte {
	b = append(b, `{"time":`...)
	ms := it.Time.UnixMilli()
	b = strconv.AppendInt(b, ms/1000, 10)
	b = fmt.Appendf(b, ".%03d", ms%1000)
	b = append(b, `,"host":`...)
	b = post.AppendString(b, s.host)
	b = append(b, `,"source":`...)
	b = post.AppendString(b, s.c.Source)
	b = append(b, `,"sourcetype":`...)
	if it.Kind == forward.KindRecord {
		b = post.AppendString(b, s.c.SourceType)
	} else {
		b = post.AppendString(b, "tripod:"+it.Kind.String())
	}
	if s.c.Index != "" {
		b = append(b, `,"index":`...)
		b = post.AppendString(b, s.c.Index)
	}
	b = append(b, `,"fields":{"tripod_id":`...)
	b = post.AppendString(b, it.ID)
	b = append(b, `,"tripod_seq":"`...)
	b = post.AppendSeq(b, it.Seq)
	b = append(b, `","tripod_type":`...)
	b = post.AppendString(b, it.Type)
	b = append(b, `},"event":`...)
	b = append(b, it.Body...)
	return append(b, "}\n"...)
}

// reply is what the collector answers.
type reply struct {
	Text    string `json:"text"`
	Code    int    `json:"code"`
	Invalid *int   `json:"invalid-event-number"`
	Ack     *int64 `json:"ackId"`
}

func (s *sink) header(token secret.String) http.Header {
	h := http.Header{"Authorization": {"Splunk " + token.Reveal()}}
	if s.c.Ack {
		h.Set("X-Splunk-Request-Channel", s.channel)
	}
	return h
}

func (s *sink) send(ctx context.Context, items []forward.Item, body []byte, token secret.String) ([]forward.Outcome, error) {
	a, err := s.poster.Do(ctx, post.Request{URL: strings.TrimSuffix(s.c.URL, "/") + "/services/collector/event", Header: s.header(token), Body: body, Gzip: true})
	if err != nil {
		return nil, err
	}
	var r reply
	jsonErr := json.Unmarshal(a.Body, &r)
	switch {
	case a.Status == http.StatusBadRequest && jsonErr == nil:
		return malformed(items, r)
	case a.Err != nil:
		return nil, a.Err
	case jsonErr != nil || r.Code != 0:
		return nil, errors.New("the answer is not the collector's: is url that of the HTTP Event Collector?")
	case !s.c.Ack:
		return nil, nil
	case r.Ack == nil:
		return nil, errors.New("the answer has no acknowledgement id: the token has indexer acknowledgement off: turn it on, or set ack: false")
	}
	return nil, s.wait(ctx, *r.Ack, token)
}

// Codes of the collector that are about how it or the sink is set up
// (https://docs.splunk.com/Documentation/Splunk/latest/Data/TroubleshootHTTPEventCollector). Nothing in a batch is to blame, so it is
// kept and sent again.
var setUp = map[int]string{
	7:  "the index is not one that the token may write to: set index, or allow it for the token",
	10: "the token has indexer acknowledgement on: set ack: true, or turn it off",
	11: "the collector refuses the channel",
	14: "the token has indexer acknowledgement off: turn it on, or set ack: false",
}

// malformed tells which item a refusal is about. Splunk may have taken those before it, so the rest is sent again.
func malformed(items []forward.Item, r reply) ([]forward.Outcome, error) {
	if what := setUp[r.Code]; what != "" {
		return nil, fmt.Errorf("the collector answers code %d: %s", r.Code, what)
	}
	reason := fmt.Sprintf("the collector answers code %d", r.Code)
	if r.Invalid == nil || *r.Invalid < 0 || *r.Invalid >= len(items) {
		return post.Malformed(items, reason)
	}
	outcomes := make([]forward.Outcome, len(items))
	for i := range outcomes {
		outcomes[i] = forward.Outcome{Code: forward.Again, Reason: "sent together with one that was refused"}
	}
	outcomes[*r.Invalid] = forward.Outcome{Code: forward.Dead, Reason: reason}
	return outcomes, nil
}

// mostPause is how long is waited at most between two questions for one acknowledgement.
const mostPause = 10 * time.Second

// wait asks for an acknowledgement until it is given. A question that fails is asked again: whether the answer that was lost
// said true, only time tells.
func (s *sink) wait(ctx context.Context, id int64, token secret.String) error {
	until := time.Now().Add(s.c.AckTimeout)
	question := fmt.Appendf(nil, `{"acks":[%d]}`, id)
	for pause := s.c.AckPoll; ; pause = min(pause*2, mostPause) {
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		given, err := s.asked(ctx, id, question, token)
		var auth *forward.AuthError
		switch {
		case given:
			return nil
		case errors.As(err, &auth):
			return err
		case time.Now().After(until):
			return fmt.Errorf("not acknowledged within %v", s.c.AckTimeout)
		}
	}
}

func (s *sink) asked(ctx context.Context, id int64, question []byte, token secret.String) (bool, error) {
	at := strings.TrimSuffix(s.c.URL, "/") + "/services/collector/ack?channel=" + url.QueryEscape(s.channel)
	a, err := s.poster.Do(ctx, post.Request{URL: at, Header: s.header(token), Body: question})
	if err != nil {
		return false, err
	}
	if a.Err != nil {
		return false, a.Err
	}
	var r struct {
		Acks map[string]bool `json:"acks"`
	}
	if err := json.NewDecoder(bytes.NewReader(a.Body)).Decode(&r); err != nil {
		return false, errors.New("the answer about acknowledgements is not JSON")
	}
	return r.Acks[strconv.FormatInt(id, 10)], nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
