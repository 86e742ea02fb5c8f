package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// httpSender speaks HTTP/1.1 as the client's exporter does, without
// net/http's transport: on two cores whatever the generator uses is missing
// from the server under test.
type httpSender struct {
	conn net.Conn
	in   *bufio.Reader
	head []byte
}

func dialHTTP(ctx context.Context, addr string) (sender, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &httpSender{conn: conn, in: bufio.NewReader(conn)}, nil
}

func (s *httpSender) close() error { return s.conn.Close() }

func (s *httpSender) send(_ context.Context, e export) error {
	s.head = append(s.head[:0], "POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1\r\n"+
		"User-Agent: OTel-OTLP-Exporter-JavaScript/0.208.0\r\n"+
		"Content-Type: application/x-protobuf\r\nConnection: keep-alive\r\nContent-Length: "...)
	s.head = strconv.AppendInt(s.head, int64(len(e.body)), 10)
	s.head = append(s.head, "\r\n\r\n"...)
	if err := s.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	parts := net.Buffers{s.head, e.body}
	if _, err := parts.WriteTo(s.conn); err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	resp, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return fmt.Errorf("read response: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("read response: %w", err)
	}
	switch {
	case resp.StatusCode/100 == 2 && resp.Close:
		return fmt.Errorf("server closes the connection after %s", resp.Status)
	case resp.StatusCode/100 == 2:
		return nil
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		return busy{wait: retryAfter(resp.Header.Get("Retry-After"))}
	}
	return fmt.Errorf("%s: %q", resp.Status, text)
}

func retryAfter(header string) time.Duration {
	if n, err := strconv.Atoi(header); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	return time.Second
}
