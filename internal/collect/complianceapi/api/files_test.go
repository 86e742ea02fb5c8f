package api_test

import (
	"crypto/md5"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
)

// TestDownload: what is read without an error is whole, and no larger than asked for.
func TestDownload(t *testing.T) {
	t.Parallel()
	const text = "what somebody uploaded"
	sum := func(s string) string {
		d := md5.Sum([]byte(s))
		return base64.StdEncoding.EncodeToString(d[:])
	}
	f := func(name string, res *http.Response, most int64, want error) {
		t.Run(name, func(t *testing.T) {
			c := client(t, &server{answer: func(int) *http.Response { return res }})
			body, err := c.FileContent(t.Context(), "claude_file_01", most, api.Content)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			if err == nil && string(got) != text || !errors.Is(err, want) {
				t.Errorf("%q, error %v, want %v", got, err, want)
			}
			if err := body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	f("whole", response(200, text, "Content-Md5", sum(text)), 100, nil)
	f("without a checksum", response(200, text), 100, nil)
	f("with a checksum that is none", response(200, text, "Content-Md5", "0123"), 100, nil)
	f("of just the size", response(200, text), int64(len(text)), nil)
	f("of other bytes", response(200, text, "Content-Md5", sum("another")), 100, api.ErrBroken)
	f("too large", response(200, text), int64(len(text))-1, api.ErrTooLarge)
	broken := response(200, "")
	broken.Body = io.NopCloser(io.MultiReader(strings.NewReader(text), failing{}))
	f("broken off", broken, 100, api.ErrBroken)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestDownloadRefused: a refusal is an error as of any route, and an id that would reach beyond its place is not sent.
func TestDownloadRefused(t *testing.T) {
	t.Parallel()
	s := &server{answer: func(int) *http.Response {
		return response(404, `{"error":{"type":"not_found_error","message":"Generated file not found: 'x'"}}`)
	}}
	c := client(t, s)
	var refused *api.Error
	if _, err := c.FileContent(t.Context(), "claude_gen_file_01", 100, api.Content); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("error %v", err)
	}
	if got := s.last.URL.Path; got != "/v1/compliance/apps/chats/generated-files/claude_gen_file_01/content" {
		t.Errorf("asked %s", got)
	}
	for _, id := range []string{"", "..", "a/b", `a\b`} {
		if _, err := c.FileContent(t.Context(), id, 100, api.Content); !errors.Is(err, api.ErrMalformed) {
			t.Errorf("%q: error %v", id, err)
		}
	}
	if s.n != 1 {
		t.Errorf("%d requests", s.n)
	}
}

// TestRemoteBudget: a refusal by the budget of remote sessions holds up nothing but remote sessions, and what it says of a
// second to wait is not believed.
func TestRemoteBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refusals := 0
		s := &server{}
		s.answer = func(n int) *http.Response {
			if strings.Contains(s.last.URL.Path, "/sessions/remote") && n <= 4 {
				refusals++
				return response(429, `{"error":{"type":"rate_limit_error","message":"slow down"}}`, "Retry-After", "1",
					"Anthropic-Ratelimit-Requests-Limit", "600", "Anthropic-Ratelimit-Requests-Remaining", "590",
					"Anthropic-Ratelimit-Requests-Reset", time.Now().Add(time.Minute).UTC().Format(time.RFC3339))
			}
			return response(200, empty)
		}
		c := client(t, s)
		begin := time.Now()
		done := make(chan error, 1)
		go func() {
			_, err := c.RemoteSessions(t.Context(), time.Time{}, 10, "", api.Content)
			done <- err
		}()
		synctest.Wait()
		if _, err := c.LocalSessions(t.Context(), time.Time{}, 10, "", api.Content); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d > 0 {
			t.Errorf("local sessions waited for %v", d)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); refusals < 2 || d < 4*time.Second {
			t.Errorf("%d refusals, over after %v", refusals, d)
		}
	})
}
