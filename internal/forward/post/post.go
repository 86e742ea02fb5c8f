// Package post is what the sinks over HTTP share: requests whose answers are read whole or not believed, credentials that are
// read anew when they are refused, and envelopes around an item's body.
//
// It promises: nothing is durable and nothing is kept but the credential in use. Requests are made in no order of their own. A
// [Poster] and a [Credential] are safe for concurrent use; neither starts a goroutine. Errors show no credential and quote no
// more of an answer than a sink chooses to.
package post

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/tripod-audit/tripod/internal/forward"
)

// MostAnswer bounds what is read of an answer, in bytes. The largest that a receiver gives tells of each of a batch's items.
const MostAnswer = 16 << 20

// Poster posts to one receiver.
type Poster struct {
	client *http.Client
	agent  string
	pack   sync.Pool // of *gzip.Writer
}

// New makes a Poster. The client must follow no redirect.
func New(c *http.Client, version string) *Poster {
	return &Poster{client: c, agent: "tripod/" + version}
}

// Request is one request with a body.
type Request struct {
	URL    string
	Type   string // of the content; empty: application/json
	Header http.Header
	Body   []byte
	Gzip   bool
}

// Answer is what came back, whole.
type Answer struct {
	Status int
	Body   []byte
	// Err is nil for 2xx, and otherwise what forward.Refusal makes of the status.
	Err error
}

// Do posts. An error says that nothing is known of what became of it: no answer came, or not all of it.
func (p *Poster) Do(ctx context.Context, r Request) (Answer, error) {
	body := r.Body
	if r.Gzip {
		body = p.compress(body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("make a request: %w", hidden(err))
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	if r.Type == "" {
		r.Type = "application/json"
	}
	req.Header.Set("Content-Type", r.Type)
	req.Header.Set("User-Agent", p.agent)
	if r.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	res, err := p.client.Do(req)
	if err != nil {
		return Answer{}, hidden(err)
	}
	defer func() { _ = res.Body.Close() }()
	a := Answer{Status: res.StatusCode}
	a.Body, err = io.ReadAll(io.LimitReader(res.Body, MostAnswer+1))
	if err == nil && len(a.Body) > MostAnswer {
		err = fmt.Errorf("it is more than %d bytes", MostAnswer)
	}
	a.Err = forward.Refusal(res)
	if err != nil && a.Err == nil {
		return Answer{}, fmt.Errorf("read the answer: %w", hidden(err))
	}
	return a, nil
}

// Close lets go of idle connections.
func (p *Poster) Close() { p.client.CloseIdleConnections() }

// hidden leaves out the address that the client's errors begin with: some receivers have credentials in it.
func hidden(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("post: %w", u.Err)
	}
	return err
}

func (p *Poster) compress(body []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(body)/6 + 512)
	z, _ := p.pack.Get().(*gzip.Writer)
	if z == nil {
		z, _ = gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level exists
	} else {
		z.Reset(&b)
	}
	_, _ = z.Write(body) // a buffer takes everything
	_ = z.Close()
	p.pack.Put(z)
	return b.Bytes()
}

// Malformed is what Send returns where a receiver says that a request is malformed and not which item makes it so: the batch
// is halved until that item is alone, which then is a dead letter.
func Malformed(items []forward.Item, reason string) ([]forward.Outcome, error) {
	if len(items) > 1 {
		return nil, fmt.Errorf("%w: %s", forward.ErrTooLarge, reason)
	}
	return []forward.Outcome{{Code: forward.Dead, Reason: reason}}, nil
}
