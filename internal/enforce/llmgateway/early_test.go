package llmgateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
)

// TestAnswerBeforeTheBodyHasCome passes an answer on to a client that has not sent its whole body, and ends it there: the
// upstream refuses by the head alone.
func TestAnswerBeforeTheBodyHasCome(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = io.WriteString(w, "too ")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "large")
	}))
	defer up.Close()
	g := begin(t, llmgateway.Config{Upstream: up.URL}, caller.Config{})
	for _, path := range []string{"/v1/messages", "/v1/files"} {
		answeredEarly(t, g, path)
	}
}

func answeredEarly(t *testing.T, g *proxied, path string) {
	t.Helper()
	u, err := url.Parse(g.url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{", path, u.Host); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusRequestEntityTooLarge || string(b) != "too large" {
		t.Errorf("%s: %d %q, %v", path, res.StatusCode, b, err)
	}
}
