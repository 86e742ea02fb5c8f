package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// conduct is what a system does with bytes that are not its own.
type conduct struct {
	body, header string // of the request as it reached the upstream: "same", or what changed
	answer       string // of a stream: "same", or what changed
	comment      bool   // it was kept
	streams      bool   // what came first arrived while the upstream was silent
}

func kindOf(stream bool) string {
	if stream {
		return "sse"
	}
	return "json"
}

// conformance sends every system one request whose bytes are unusual and correct, and reads one stream with a comment.
// What does not get a request of a kind through at all is left out of what is measured of that kind.
func (r *report) conformance(ctx context.Context, systems []*system, up *upstream) error {
	c := newCorpus(r.seed)
	for _, s := range systems {
		for _, stream := range []bool{false, true} {
			if err := up.set(ctx, mode{}); err != nil {
				return err
			}
			if err := s.answers(ctx, c, stream); err != nil {
				say("%s: %s: %v", s.name, kindOf(stream), err)
				r.unfit[s.name+" "+kindOf(stream)] = err
			}
		}
		if err := up.set(ctx, mode{Witness: true}); err != nil {
			return err
		}
		d, err := s.witness(ctx, up)
		if err != nil {
			d.answer = err.Error()
		}
		say("%-19s body %s; header %s; answer %s; comment %t; streams %t", s.name, d.body, d.header, d.answer, d.comment, d.streams)
		r.conduct[s.name] = d
	}
	return nil
}

// oddBody has spaces, escapes, an order of names and a field of its own that a re-encoder would not keep.
const oddBody = "{ \"max_tokens\": 1024,\n\t\"model\":\"claude-opus-5-5\", \"messages\" : [{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"gr\\u00fc\\u00DF \\/ <b> & \\ud83d\\ude00\",\"cache_control\":{\"ttl\":\"1h\",\"type\":\"ephemeral\"}}]}],\n" +
	" \"temperature\": 1.0, \"metadata\":{\"user_id\":\"{\\\"device_id\\\":\\\"0\\\",\\\"account_uuid\\\":\\\"\\\",\\\"session_id\\\":\\\"3efb5da5-a443-4701-953d-4aa7d85a1252\\\"}\"}, \"tomorrow\": {\"z\":1e2,\"a\":[ ]}, \"stream\":true}"

func (s *system) witness(ctx context.Context, up *upstream) (d conduct, err error) {
	l, err := newLane(s, nil)
	if err != nil {
		return d, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.address)
	if err != nil {
		return d, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(requestLimit)); err != nil {
		return d, err
	}
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\n%sX-Claude-Code-Session-Id: 3efb5da5-a443-4701-953d-4aa7d85a1252\r\nX-Claude-Code-Tomorrow: yes\r\nContent-Length: %d\r\n\r\n%s",
		l.path, l.header, len(oddBody), oddBody); err != nil {
		return d, err
	}
	began := time.Now()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return d, err
	}
	defer res.Body.Close()
	got, first, err := readTimed(res.Body, began)
	if err != nil {
		return d, err
	}
	d.streams = first < witnessPause
	d.comment = bytes.Contains(got, []byte(": keep-alive\n\n"))
	parts := witnessedParts()
	d.answer = "same"
	if want := strings.Join(parts[:], ""); res.StatusCode != http.StatusOK || string(got) != want {
		d.answer = fmt.Sprintf("%d, %d bytes of %d", res.StatusCode, len(got), len(want))
	}
	if res.Header.Get("Request-Id") != "req_011CSHoEeqs5C35K2UUqR7Fy" {
		d.answer += ", no request-id"
	}
	heard, err := up.last(ctx)
	if err != nil {
		return d, err
	}
	sum := sha256.Sum256([]byte(oddBody))
	if d.body = "same"; heard.SHA256 != hex.EncodeToString(sum[:]) {
		d.body = "rewritten"
	}
	d.header = headerChanges(s, heard)
	return d, nil
}

// readTimed reads to the end and tells when the first byte came.
func readTimed(r io.Reader, began time.Time) (all []byte, first time.Duration, err error) {
	b := make([]byte, 4096)
	for {
		n, err := r.Read(b)
		if n > 0 && first == 0 {
			first = time.Since(began)
		}
		all = append(all, b[:n]...)
		switch {
		case errors.Is(err, io.EOF):
			return all, first, nil
		case err != nil:
			return all, first, err
		}
	}
}

// headerChanges tells which header lines of the client did not reach the upstream as they were, and which are new.
func headerChanges(s *system, h heard) string {
	want := clientHeader()
	want.Set("X-Claude-Code-Session-Id", "3efb5da5-a443-4701-953d-4aa7d85a1252")
	want.Set("X-Claude-Code-Tomorrow", "yes")
	var changed []string
	for name := range want {
		if !slices.Equal(want[name], h.Header[name]) {
			changed = append(changed, "-"+strings.ToLower(name))
		}
	}
	for name := range h.Header {
		if _, ok := want[name]; !ok && name != "Content-Length" && s.header[name] == "" {
			changed = append(changed, "+"+strings.ToLower(name))
		}
	}
	if h.URI != "/v1/messages?beta=true" {
		changed = append(changed, "path "+h.URI)
	}
	if len(changed) == 0 {
		return "same"
	}
	slices.Sort(changed)
	return strings.Join(changed, " ")
}
