// Package elastic sends to Elasticsearch and OpenSearch by the bulk API
// (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk,
// https://docs.opensearch.org/latest/api-reference/document-apis/bulk/).
//
// Durability: an item that is acknowledged is in the translog of its shard and of the copies that were there, which is synced
// before the answer unless index.translog.durability says otherwise. Its id is the document's, created and never overwritten,
// and the index follows from when it occurred, so sending it again meets the same index and is refused as there (409): the grade
// is "exactly once by key". With a data stream it is "durable": an id is unique in one backing index only.
//
// Order: none. Each item of a batch has a result of its own; one that is refused for good becomes a dead letter with the
// cluster's reason, without the value that it quotes.
//
// Concurrency: a sink is safe for concurrent use and starts no goroutine.
package elastic

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/post"
	"github.com/tripod-audit/tripod/internal/secret"
)

// envelope is what stands around a document at most, in bytes.
const envelope = 256

type sink struct {
	c      Config
	layout string // of the index's date
	creds  *post.Credential
	poster *post.Poster
}

// New makes the sink, which is a forward.Prober.
func New(ctx context.Context, c Config, d forward.SinkDeps) (forward.Sink, error) {
	c = c.withDefaults()
	client, err := forward.NewClient(forward.ClientOptions{TLS: c.TLS})
	if err != nil {
		return nil, err
	}
	s := &sink{c: c, layout: "2006.01", poster: post.New(client, d.Version)}
	if c.Every == "day" {
		s.layout = "2006.01.02"
	}
	switch {
	case !c.APIKey.IsZero():
		s.creds = post.Static(c.APIKey)
	case !c.Password.IsZero():
		s.creds = post.Static(c.Password)
	default:
		return s, nil
	}
	if _, err := s.creds.Get(ctx); err != nil {
		return nil, fmt.Errorf("credential: %w", err)
	}
	return s, nil
}

// Grade is exact where the index follows from the item.
func (s *sink) Grade() forward.Grade {
	if s.c.DataStream != "" {
		return forward.GradeDurable
	}
	return forward.GradeExact
}

// Limits leave room for what stands around the documents.
func (s *sink) Limits() forward.Limits {
	items := min(max(s.c.RequestBytes/2/envelope, 16), 5000)
	return forward.Limits{Items: items, Bytes: s.c.RequestBytes - items*envelope, InFlight: s.c.InFlight, Linger: 200 * time.Millisecond}
}

// Close lets go of connections.
func (s *sink) Close() error {
	s.poster.Close()
	return nil
}

// with calls do with the header that says who sends.
func (s *sink) with(ctx context.Context, do func(http.Header) error) error {
	if s.creds == nil {
		return do(http.Header{})
	}
	return s.creds.With(ctx, func(v secret.String) error {
		value := "ApiKey " + v.Reveal()
		if s.c.User != "" {
			value = "Basic " + base64.StdEncoding.EncodeToString([]byte(s.c.User+":"+v.Reveal()))
		}
		return do(http.Header{"Authorization": {value}})
	})
}

// Send creates a document of each item.
func (s *sink) Send(ctx context.Context, items []forward.Item) ([]forward.Outcome, error) {
	var body []byte
	for i := range items {
		body = s.append(body, &items[i])
	}
	at := strings.TrimSuffix(s.c.URL, "/") + "/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason"
	var outcomes []forward.Outcome
	err := s.with(ctx, func(h http.Header) error {
		a, err := s.poster.Do(ctx, post.Request{URL: at, Type: "application/x-ndjson", Header: h, Body: body, Gzip: true})
		switch {
		case err != nil:
			return err
		case a.Status == http.StatusBadRequest:
			outcomes, err = post.Malformed(items, "the cluster answers 400 Bad Request")
			return err
		case a.Err != nil:
			return a.Err
		}
		outcomes, err = results(a.Body, len(items))
		return err
	})
	return outcomes, err
}

// index is where an item belongs: it follows from the item alone.
func (s *sink) index(b []byte, it *forward.Item) []byte {
	if s.c.DataStream != "" {
		return append(b, s.c.DataStream...)
	}
	b = append(append(b, s.c.Index...), '-')
	return it.Time.UTC().AppendFormat(b, s.layout)
}

// stamp is how a document begins that has the field data streams are ordered by.
var stamp = []byte(`{"@timestamp":`)

func (s *sink) append(b []byte, it *forward.Item) []byte {
	b = append(b, `{"create":{"_index":"`...)
	b = s.index(b, it)
	b = append(b, `","_id":"`...)
	b = append(b, it.ID...)
	b = append(b, "\"}}\n"...)
	if bytes.HasPrefix(it.Body, stamp) || len(it.Body) == 0 || it.Body[0] != '{' {
		b = append(b, it.Body...)
		return append(b, '\n')
	}
	b = append(b, stamp...)
	b = post.AppendTime(b, it.Time)
	if rest := it.Body[1:]; len(rest) > 0 && rest[0] != '}' {
		b = append(b, ',')
	}
	b = append(b, it.Body[1:]...)
	return append(b, '\n')
}

type result struct {
	Status int `json:"status"`
	Error  struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	} `json:"error"`
}

// results reads what became of each of n items.
func results(body []byte, n int) ([]forward.Outcome, error) {
	var r struct {
		Errors *bool               `json:"errors"`
		Items  []map[string]result `json:"items"`
	}
	if err := json.Unmarshal(body, &r); err != nil || r.Errors == nil {
		return nil, errors.New("the answer is not that of a bulk request: is url the cluster's?")
	}
	if len(r.Items) != n {
		return nil, fmt.Errorf("the answer tells of %d items of %d", len(r.Items), n)
	}
	outcomes, all := make([]forward.Outcome, n), true
	for i, item := range r.Items {
		for _, res := range item {
			outcomes[i] = res.outcome()
		}
		if len(item) != 1 {
			outcomes[i] = forward.Outcome{Code: forward.Again, Reason: "the cluster told nothing of it"}
		}
		all = all && outcomes[i].Code == forward.Accepted
	}
	if all {
		return nil, nil
	}
	return outcomes, nil
}

// outcome is what a status is for one item. Only what the document itself is to blame for is final: an index that is missing,
// closed or full may be put right.
func (r result) outcome() forward.Outcome {
	switch {
	case r.Status >= 200 && r.Status < 300:
		return forward.Outcome{}
	case r.Status == http.StatusConflict:
		return forward.Outcome{Code: forward.Duplicate}
	case r.Status == http.StatusBadRequest && !strings.HasPrefix(r.Error.Type, "index_"):
		return forward.Outcome{Code: forward.Dead, Reason: r.reason()}
	}
	return forward.Outcome{Code: forward.Again, Reason: r.reason()}
}

// mostReason bounds a reason, in bytes.
const mostReason = 300

// reason is the cluster's, without the value it quotes.
func (r result) reason() string {
	why := r.Error.Reason
	for _, quote := range []string{"Preview of field's value", "preview of field's value"} {
		why, _, _ = strings.Cut(why, quote)
	}
	if len(why) > mostReason {
		why = why[:mostReason] + "…"
	}
	why = strings.ToValidUTF8(strings.TrimSpace(why), "")
	return fmt.Sprintf("%d %s: %s", r.Status, r.Error.Type, why)
}

// Find looks for a document of this id in every index that the sink writes to.
func (s *sink) Find(ctx context.Context, id string) (bool, error) {
	where := s.c.DataStream
	if where == "" {
		where = s.c.Index + "-*"
	}
	query, err := json.Marshal(map[string]any{"query": map[string]any{"ids": map[string]any{"values": []string{id}}}})
	if err != nil {
		return false, fmt.Errorf("write a query: %w", err)
	}
	at := strings.TrimSuffix(s.c.URL, "/") + "/" + where + "/_search?size=0&track_total_hits=true&ignore_unavailable=true"
	var r struct {
		Hits struct {
			Total struct {
				Value int `json:"value"`
			} `json:"total"`
		} `json:"hits"`
	}
	err = s.with(ctx, func(h http.Header) error {
		a, err := s.poster.Do(ctx, post.Request{URL: at, Header: h, Body: query})
		if err != nil {
			return err
		}
		if a.Err != nil {
			return a.Err
		}
		if json.Unmarshal(a.Body, &r) != nil {
			return errors.New("the answer is not that of a search")
		}
		return nil
	})
	return r.Hits.Total.Value > 0, err
}
