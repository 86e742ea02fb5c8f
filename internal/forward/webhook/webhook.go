package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
)

const defaultInFlight = 4

// Sink posts batches. New makes one.
type Sink struct {
	cfg     Config
	client  *http.Client
	secrets []*forward.Credential
	agent   string
}

// New makes the sink and reads its secrets.
func New(ctx context.Context, cfg Config, d forward.SinkDeps) (forward.Sink, error) {
	if cfg.InFlight == 0 {
		cfg.InFlight = defaultInFlight
	}
	client, err := forward.NewClient(forward.ClientOptions{TLS: cfg.TLS, PublicOnly: !cfg.AllowPrivate})
	if err != nil {
		return nil, err
	}
	s := &Sink{cfg: cfg, client: client, agent: "tripod/" + d.Version}
	for _, c := range cfg.Secrets {
		s.secrets = append(s.secrets, forward.NewCredential(c))
	}
	if _, err := s.keys(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Grade implements forward.Sink.
func (s *Sink) Grade() forward.Grade { return forward.GradeAccepted }

// Limits implements forward.Sink.
func (s *Sink) Limits() forward.Limits {
	return forward.Limits{Items: 500, Bytes: 1 << 20, InFlight: s.cfg.InFlight, Linger: 500 * time.Millisecond}
}

// Send implements forward.Sink. The body is one line an item: {"id":…,"kind":…,"data":…}.
func (s *Sink) Send(ctx context.Context, items []forward.Item) ([]forward.Outcome, error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	body := envelope(items)
	id, at := batchID(items), strconv.FormatInt(time.Now().Unix(), 10)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("post: the address cannot be used")
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("User-Agent", s.agent)
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", sign(keys, id, at, body))
	res, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("post: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end or given up: the answer was had
	if err := forward.Refusal(res); err != nil {
		s.refused(err)
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, res.Body, mostAnswer); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return nil, nil
}

const mostAnswer = 64 << 10 // bytes

// refused has secrets read anew, where it was them.
func (s *Sink) refused(err error) {
	var auth *forward.AuthError
	if errors.As(err, &auth) {
		for _, c := range s.secrets {
			c.Refused()
		}
	}
}

// Close implements forward.Sink.
func (s *Sink) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// keys are the decoded secrets.
func (s *Sink) keys(ctx context.Context) (keys [][]byte, err error) {
	for i, c := range s.secrets {
		v, err := c.Get(ctx)
		if err != nil {
			return nil, fmt.Errorf("secrets[%d]: %w", i, err)
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(v.Reveal(), "whsec_"))
		if err != nil || len(key) < 24 || len(key) > 64 || !strings.HasPrefix(v.Reveal(), "whsec_") {
			return nil, &forward.AuthError{Err: fmt.Errorf("secrets[%d]: is not whsec_ and base64 of 24 to 64 bytes", i)}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// sign is the header: a signature by each key, over id, timestamp and body.
func sign(keys [][]byte, id, at string, body []byte) string {
	var list []string
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, id+"."+at+".") // a hash takes all
		_, _ = mac.Write(body)
		list = append(list, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(list, " ")
}

// envelope is the body.
func envelope(items []forward.Item) []byte {
	n := 0
	for i := range items {
		n += len(items[i].Body) + len(items[i].Type) + 80
	}
	b := make([]byte, 0, n)
	for i := range items {
		b = append(b, `{"id":"`...)
		b = append(b, items[i].ID...)
		b = append(b, `","kind":"`...)
		b = append(b, items[i].Kind.String()...)
		b = append(b, `","data":`...)
		b = append(b, items[i].Body...)
		b = append(b, '}', '\n')
	}
	return b
}

// batchID is the id of a batch: the same for the same items.
func batchID(items []forward.Item) string {
	h := sha256.New()
	for i := range items {
		_, _ = io.WriteString(h, items[i].ID)
	}
	return "msg_" + hex.EncodeToString(h.Sum(nil)[:16])
}
