package splunk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/post"
	"github.com/tripod-audit/tripod/internal/secret"
)

// searching is a sink whose Splunk can be asked.
type searching struct {
	*sink
	token  *post.Credential
	poster *post.Poster
}

func newSearching(ctx context.Context, s *sink, d forward.SinkDeps) (*searching, error) {
	client, err := forward.NewClient(forward.ClientOptions{TLS: s.c.Search.TLS, Timeout: 2 * time.Minute})
	if err != nil {
		return nil, fmt.Errorf("search.%w", err)
	}
	f := &searching{sink: s, token: post.Static(s.c.Search.Token), poster: post.New(client, d.Version)}
	if _, err := f.token.Get(ctx); err != nil {
		return nil, fmt.Errorf("search.token: %w", err)
	}
	return f, nil
}

// Find searches for the indexed field.
func (f *searching) Find(ctx context.Context, id string) (bool, error) {
	index := f.c.Index
	if index == "" {
		index = "*"
	}
	form := url.Values{
		"search":      {fmt.Sprintf("search index=%q tripod_id::%s | head 1 | fields tripod_id", index, id)},
		"output_mode": {"json"}, "earliest_time": {"0"}, "preview": {"false"},
	}
	at := strings.TrimSuffix(f.c.Search.URL, "/") + "/services/search/v2/jobs/export"
	found := false
	err := f.token.With(ctx, func(token secret.String) error {
		a, err := f.poster.Do(ctx, post.Request{
			URL: at, Type: "application/x-www-form-urlencoded", Body: []byte(form.Encode()), Header: http.Header{"Authorization": {"Bearer " + token.Reveal()}},
		})
		if err != nil {
			return err
		}
		if a.Err != nil {
			return a.Err
		}
		found = hasResult(a.Body, id)
		return nil
	})
	return found, err
}

// hasResult reads one JSON object a line, of which those with results have the field.
func hasResult(body []byte, id string) bool {
	for line := range bytes.Lines(body) {
		var row struct {
			Result struct {
				ID string `json:"tripod_id"`
			} `json:"result"`
		}
		if json.Unmarshal(line, &row) == nil && row.Result.ID == id {
			return true
		}
	}
	return false
}

// Close lets go of connections.
func (f *searching) Close() error {
	f.poster.Close()
	return f.sink.Close()
}
