package fleet

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// How the client tries again
// (https://github.com/open-telemetry/opentelemetry-js/blob/main/experimental/packages/otlp-exporter-base/src/retrying-transport.ts).
const (
	attempts     = 5 // after the first
	firstBackoff = time.Second
	mostBackoff  = 5 * time.Second
	attemptTime  = 10 * time.Second
)

// sender delivers exports to the receiver.
type sender struct {
	cfg  *Config
	http *http.Client
	base string
	grpc *grpc.ClientConn
}

// again is the error of an attempt that the client repeats.
type again struct {
	error
	after time.Duration // as the receiver asks, -1 where it does not
}

func newSender(cfg *Config) (*sender, error) {
	u, err := url.Parse(cfg.HTTP)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("endpoint %q: give the base URL of a receiver, such as http://127.0.0.1:4318", cfg.HTTP)
	}
	s := &sender{cfg: cfg, base: u.JoinPath("/").String()}
	s.base = s.base[:len(s.base)-1]
	transport := &http.Transport{
		MaxIdleConnsPerHost: 2 * cfg.Connections, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		DialContext: (&net.Dialer{Timeout: attemptTime}).DialContext,
	}
	s.http = &http.Client{Transport: cfg.Transport, Timeout: attemptTime}
	if cfg.Transport == nil {
		s.http.Transport = transport
	}
	if cfg.GRPC == "" {
		return s, nil
	}
	host, _, err := net.SplitHostPort(cfg.GRPC)
	if err != nil {
		return nil, fmt.Errorf("gRPC address %q: give host:port", cfg.GRPC)
	}
	secure := credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		secure = insecure.NewCredentials()
	}
	s.grpc, err = grpc.NewClient(cfg.GRPC, grpc.WithTransportCredentials(secure), grpc.WithUserAgent(dialectOf("").agent))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", cfg.GRPC, err)
	}
	return s, nil
}

func (s *sender) close() error {
	s.http.CloseIdleConnections()
	if s.grpc != nil {
		return s.grpc.Close()
	}
	return nil
}

// protocol is what a client that is set to one speaks to this receiver.
func (s *sender) protocol(set string) string {
	switch {
	case set == "http/json":
		return set
	case set == "grpc" && s.grpc != nil:
		return set
	}
	return "http/protobuf"
}

// send delivers one export, trying again as the client does. It returns how often it tried again.
func (s *sender) send(ctx context.Context, e *export, protocol string, body []byte) (int, error) {
	deadline := time.Now().Add(s.cfg.Patience)
	backoff := firstBackoff
	for n := 0; ; n++ {
		err := s.attempt(ctx, e, protocol, body)
		var retry again
		if err == nil || !errors.As(err, &retry) || n == attempts || ctx.Err() != nil {
			return n, err
		}
		pause := retry.after
		if pause < 0 {
			pause = min(time.Duration(float64(backoff)*(0.8+0.4*rand.Float64())), mostBackoff)
		}
		backoff = backoff * 3 / 2
		if until := time.Now().Add(pause); until.After(deadline) || !wait(ctx, until) {
			return n, err
		}
	}
}

func (s *sender) attempt(ctx context.Context, e *export, protocol string, body []byte) error {
	if protocol == "grpc" {
		return s.call(ctx, e, body)
	}
	return s.post(ctx, e, protocol, body)
}

// post makes one HTTP request, as the exporter of the client's version does.
func (s *sender) post(ctx context.Context, e *export, protocol string, body []byte) error {
	d := &e.from.dialect
	if s.cfg.Gzip {
		body = compressed(body)
	}
	var reader io.Reader = bytes.NewReader(body)
	if d.chunked {
		reader = struct{ io.Reader }{reader} // of unknown length
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/v1/"+e.signal.String(), reader)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", map[bool]string{true: "application/json", false: "application/x-protobuf"}[protocol == "http/json"])
	req.Header.Set("User-Agent", d.agent)
	if s.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if token := s.token(e); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return again{fmt.Errorf("send %s: %w", e.signal, err), -1}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err != nil {
		return again{fmt.Errorf("read the answer: %w", err), -1}
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	err = fmt.Errorf("answered %s: %.200s", res.Status, answer)
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return again{err, retryAfter(res.Header.Get("Retry-After"))}
	}
	return err
}

func (s *sender) token(e *export) string {
	if s.cfg.Token == nil {
		return ""
	}
	return s.cfg.Token(e.from.p.Device).Reveal()
}

// retryAfter reads the header: seconds or a date; -1 where there is none.
func retryAfter(header string) time.Duration {
	if n, err := strconv.Atoi(header); err == nil && n >= 0 {
		return time.Duration(min(n, 1<<20)) * time.Second // longer than anybody waits, and no overflow
	}
	if t, err := http.ParseTime(header); err == nil {
		return max(time.Until(t), 0)
	}
	return -1
}

func compressed(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		return body // cannot happen: a buffer takes everything
	}
	if err := w.Close(); err != nil {
		return body
	}
	return b.Bytes()
}
