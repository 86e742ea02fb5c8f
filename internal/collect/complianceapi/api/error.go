package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/secret"
)

// ErrTooLarge: an answer exceeds the bound. Ask for less at once.
var ErrTooLarge = errors.New("the answer is larger than the bound")

// ErrMalformed: an answer is not what the API documents.
var ErrMalformed = errors.New("the answer is not what the Compliance API documents")

const maxErrorBody = 64 << 10

// Error is a request that was refused or got no whole answer. Its text holds what the server said of the refusal, never
// the key.
type Error struct {
	Path       string
	Status     int    // 0 where no whole answer came
	Type       string // error.type of the body
	Message    string // error.message of the body, cut
	RequestID  string
	RetryAfter time.Duration // what the server asks to wait; 0 where it does not say
	Scopes     []string      // the key's, where the refusal names them
	should     string        // x-should-retry
	cause      error
}

func (e *Error) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("%s: no answer: %v", e.Path, e.cause)
	}
	s := fmt.Sprintf("%s answered %d %s", e.Path, e.Status, e.Type)
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.RequestID != "" {
		s += " (request " + e.RequestID + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.cause }

// Retryable tells whether the same request may do better later. x-should-retry stands over the table of the API's page.
func (e *Error) Retryable() bool {
	switch e.should {
	case "true":
		return true
	case "false":
		return false
	}
	switch {
	case e.Status == 0, e.Status == http.StatusTooManyRequests, e.Status == http.StatusRequestTimeout:
		return true
	}
	return e.Status >= 500
}

// KeyRefused: the key is invalid, disabled, expired or of a kind the API does not take. For that last case, and for no
// key, the server says 404 "Not found" on every route.
func (e *Error) KeyRefused() bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusNotFound && strings.EqualFold(strings.TrimSuffix(e.Message, "."), "not found")
}

// Forbidden: the key lacks the scope.
func (e *Error) Forbidden() bool { return e.Status == http.StatusForbidden }

// ConsoleKey: the key is an Admin API key of a Console organisation, which by nature reads the activity feed and nothing else.
func (e *Error) ConsoleKey() bool {
	return e.Forbidden() && slices.Contains(e.Scopes, "api:admin") && slices.Contains(e.Scopes, ScopeActivities)
}

// Disabled: the Compliance API is switched off for the organisation. The API has no type of error for it.
func (e *Error) Disabled() bool {
	return e.Status == http.StatusBadRequest && strings.Contains(strings.ToLower(e.Message), "not enabled")
}

func newError(res *http.Response, call Call, body []byte, key secret.String) *Error {
	var b struct {
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"error"`
		RequestID string `json:"request_id"`
	}
	e := &Error{Path: call.Path, Status: res.StatusCode, RequestID: call.RequestID, should: res.Header.Get("X-Should-Retry")}
	if err := json.Unmarshal(body, &b); err == nil { // otherwise the status alone says it: a proxy's page, half an answer
		e.Type, e.Message = bounded(b.Error.Type), bounded(strings.ReplaceAll(b.Error.Message, key.Reveal(), secret.Redacted))
		if e.RequestID == "" {
			e.RequestID = bounded(b.RequestID)
		}
	}
	if e.RetryAfter = retryAfter(res.Header); e.Forbidden() {
		e.Scopes = scopes(b.Error.Message)
	}
	return e
}

// scopes reads the scopes of a key from the text of a refusal, "Missing required scopes. Got: ['a', 'b'] Needed …": the one
// place where the API tells them to who has no read:compliance_org_data.
func scopes(message string) []string {
	_, rest, ok := strings.Cut(message, "Got: [")
	got, _, closed := strings.Cut(rest, "]")
	if !ok || !closed || len(got) > 1000 {
		return nil
	}
	var list []string
	for _, s := range strings.Split(got, ",") {
		if s = strings.Trim(s, " '\""); s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_:") == "" {
			list = append(list, s)
		}
	}
	return list
}

// retryAfter reads seconds or a date.
func retryAfter(h http.Header) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseInt(s, 10, 32); err == nil && n >= 0 {
		return min(time.Duration(n)*time.Second, longestWait)
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, min(at.Sub(date), longestWait))
}

// cause keeps an address out of an error and a cancellation in it: url.Error repeats the whole URL.
func cause(ctx context.Context, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

// bounded keeps a server's text to one short printable line.
func bounded(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	const most = 300
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
