package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// lane is one connection of a client and the conversation on it. It speaks HTTP/1.1 itself: what the clients of Go and
// Node do beyond that would take CPU from what is measured.
type lane struct {
	address string // host and port of the system
	path    string
	header  string // lines that are the same in each request
	talk    *conversation

	conn net.Conn
	in   *bufio.Reader
	out  []byte
	read []byte
}

// requestLimit ends a request that hangs.
const requestLimit = 30 * time.Second

// sample is what one request took.
type sample struct {
	first, whole time.Duration   // to the first byte of the answer, and to its last
	late         []time.Duration // of each stamped event: from the upstream's sending to its arrival here
	reconnected  bool
}

func newLane(s *system, talk *conversation) (*lane, error) {
	u, err := url.Parse(s.url)
	if err != nil {
		return nil, err
	}
	path := s.path
	if path == "" {
		path = "/v1/messages?beta=true"
	}
	l := &lane{address: u.Host, path: path, talk: talk, read: make([]byte, 32<<10)}
	var b bytes.Buffer
	fmt.Fprintf(&b, "Host: %s\r\n", u.Host)
	h := clientHeader()
	for k, v := range s.header {
		h[k] = []string{v}
	}
	if err := h.Write(&b); err != nil {
		return nil, err
	}
	l.header = b.String()
	return l, nil
}

// clientHeader is what Claude Code 2.1.330 sends.
func clientHeader() http.Header {
	h := http.Header{}
	for k, v := range map[string]string{
		"Accept": "application/json", "Accept-Encoding": "identity", "Content-Type": "application/json",
		"Authorization": "Bearer sk-ant-oat01-fake", "Anthropic-Version": "2023-06-01",
		"Anthropic-Beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,tomorrows-beta-2027-01-01",
		"Anthropic-Dangerous-Direct-Browser-Access": "true", "User-Agent": "claude-cli/2.1.330 (external, cli)", "X-App": "cli",
		"X-Stainless-Arch": "x64", "X-Stainless-Lang": "js", "X-Stainless-Os": "Linux", "X-Stainless-Package-Version": "0.112.0",
		"X-Stainless-Retry-Count": "0", "X-Stainless-Runtime": "node", "X-Stainless-Runtime-Version": "v24.3.0", "X-Stainless-Timeout": "600",
	} {
		h.Set(k, v)
	}
	return h
}

func (l *lane) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

// ask sends the conversation's next request and reads the answer to its end.
func (l *lane) ask(ctx context.Context, stream bool) (s sample, err error) {
	body := l.talk.next(stream)
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.conn == nil {
		s.reconnected = true
		if l.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", l.address); err != nil {
			return s, err
		}
		l.in = bufio.NewReaderSize(l.conn, 32<<10)
	}
	l.out = fmt.Appendf(l.out[:0], "POST %s HTTP/1.1\r\n%sX-Claude-Code-Session-Id: %s\r\nContent-Length: %d\r\n\r\n", l.path, l.header, l.talk.id, len(body))
	l.out = append(l.out, body...)
	if err := l.conn.SetDeadline(time.Now().Add(requestLimit)); err != nil {
		return s, err
	}
	began := time.Now()
	if _, err := l.conn.Write(l.out); err != nil {
		return s, err
	}
	if _, err := l.in.Peek(1); err != nil {
		return s, err
	}
	s.first = time.Since(began)
	res, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 300))
		return s, fmt.Errorf("%s: %s", res.Status, text)
	}
	n, err := l.drain(res.Body, &s, stream)
	s.whole = time.Since(began)
	switch {
	case err != nil:
		return s, err
	case stream && len(s.late) != deltas:
		return s, fmt.Errorf("%d events came of %d", len(s.late), deltas)
	case !stream && n < 2000:
		return s, fmt.Errorf("an answer of %d bytes", n)
	case res.Close:
		l.close()
	}
	return s, nil
}

// drain reads to the end and notes when each stamped event came.
func (l *lane) drain(body io.Reader, s *sample, stream bool) (n int, err error) {
	if stream {
		s.late = make([]time.Duration, 0, deltas)
	}
	kept := 0 // bytes of a stamp that was cut
	for {
		m, err := body.Read(l.read[kept:])
		now := time.Now()
		n += m
		have := l.read[:kept+m]
		for stream {
			i := bytes.Index(have, []byte(stampMark))
			if i < 0 || len(have) < i+len(stampMark)+stampLen {
				have = have[max(0, i):]
				if i < 0 {
					have = have[max(0, len(have)-len(stampMark)+1):]
				}
				break
			}
			s.late = append(s.late, now.Sub(stamped(have[i+len(stampMark):])))
			have = have[i+len(stampMark)+stampLen:]
		}
		kept = 0
		if stream {
			kept = copy(l.read, have)
		}
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		}
	}
}
