// Package api is a client of Anthropic's Compliance API: its requests, pages, errors and the budget all callers share.
//
// It promises: the key goes to the configured server and nowhere else (no redirect is followed), and appears in no error.
// A request is tried again only where the API says that this may help, after the time it names, and never beyond the
// budget. No request is sent before Name named it; every request that was sent is reported to Observe, in the order in which answers came. It stores
// nothing: what a page holds is durable once its caller made it so, and cursors are the caller's to keep. A Client is
// safe for concurrent use.
//
// Sources: https://platform.claude.com/docs/en/manage-claude/compliance-api,
// https://platform.claude.com/docs/en/manage-claude/compliance-errors.
package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/secret"
)

// DefaultURL is where the Compliance API is.
const DefaultURL = "https://api.anthropic.com"

// apiVersion is sent with each request; the feed has taken it since September 2026 and ignored it before.
const apiVersion = "2023-06-01"

// KeySource tells the key to use now, or two separated by spaces or lines: the first serves, and the next where the server
// refuses it. It is asked again after a refusal, so that a key can be replaced while the program runs.
type KeySource func(ctx context.Context) (secret.String, error)

// Options configure a Client.
type Options struct {
	URL       string            // "" is DefaultURL
	Key       KeySource         // where the key comes from
	Transport http.RoundTripper // nil is a transport of its own, with the environment's proxy
	UserAgent string            // as the vendor asks integrations to name themselves
	Budget    *Budget           // shared by all clients of one parent organisation; nil is one of its own
	MaxBody   int64             // bytes of an answer; default 32 MiB
	Attempts  int               // per request, where trying again may help; default 4
	Name      Namer             // names each request before it is sent; nil leaves them without a name
	Observe   func(Call)        // hears of every request that was sent; nil is nobody
	KeyLoaded func(KeyUse)      // hears of every key that is taken into use; nil is nobody
	Scopes    func([]string)    // hears of the scopes of the key, where a refusal names them; nil is nobody
}

// Name is by which a request is known again where the vendor lists it: the run of the program and its number in that run,
// from 1. Both are part of the user agent, which the vendor records with each call.
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-api.
type Name struct {
	Run    string
	Number int64
}

func (n Name) comment() string {
	if n.Run == "" {
		return ""
	}
	return fmt.Sprintf(" (run %s, call %d)", n.Run, n.Number)
}

// Namer gives a request its name, and no two the same. An error keeps the request from being sent.
type Namer func(ctx context.Context) (Name, error)

// Call is one request that was sent.
type Call struct {
	Name      Name
	At        time.Time
	Method    string
	Path      string
	Status    int // 0 where no answer came
	RequestID string
	Date      time.Time // the server's time of the answer; zero where it did not say
}

// Client calls the Compliance API.
type Client struct {
	base   *url.URL
	opts   Options
	http   *http.Client
	budget *Budget
	remote *Budget // of the routes of remote sessions, beside the shared one
	clock  clock
	key    keyring
}

// New makes a client. It refuses to send a key in the clear to another machine.
func New(o Options) (*Client, error) {
	base, err := parseURL(o.URL)
	switch {
	case err != nil:
		return nil, err
	case o.Key == nil:
		return nil, errors.New("compliance api: no source of a key")
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 32 << 20
	}
	if o.Attempts <= 0 {
		o.Attempts = 4
	}
	if o.Budget == nil {
		o.Budget = NewBudget()
	}
	c := &Client{base: base, opts: o, budget: o.Budget, remote: newUnknownBudget(), key: keyring{source: o.Key, loaded: o.KeyLoaded}}
	c.http = &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

// parseURL refuses what would send a key in the clear.
func parseURL(s string) (*url.URL, error) {
	if s == "" {
		s = DefaultURL
	}
	base, err := url.Parse(strings.TrimSuffix(s, "/"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("compliance url: %w", err)
	case base.Scheme != "https" && (base.Scheme != "http" || !credential.Local(base.Hostname())):
		return nil, fmt.Errorf("compliance url %s: want https, so that the key does not travel in the clear", base.Redacted())
	case base.Host == "" || base.User != nil || base.RawQuery != "":
		return nil, fmt.Errorf("compliance url %s: want scheme and host and nothing secret", base.Redacted())
	}
	return base, nil
}

// HostOf is the server that Options.URL names, as records and cursors call it.
func HostOf(s string) (string, error) {
	base, err := parseURL(s)
	if err != nil {
		return "", err
	}
	return base.Host, nil
}

func newTransport() http.RoundTripper {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 60 * time.Second,
	}
}

// Host is the server the client calls.
func (c *Client) Host() string { return c.base.Host }

// Now is the server's time as of its last answer, and how far ahead of it the local clock was then. ok is false before
// the first answer.
func (c *Client) Now() (now time.Time, ahead time.Duration, ok bool) { return c.clock.now() }

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// callTime bounds one request with its answer: 5,000 activities are a few MiB.
const callTime = 2 * time.Minute

// get fetches a body, trying again where that may help.
func (c *Client) get(ctx context.Context, path string, q url.Values, p Priority) (answer, error) {
	return c.send(ctx, http.MethodGet, path, q, p, nil)
}

// send sends a request, trying again where that may help. failing hears of each answer that was none, or a refusal.
func (c *Client) send(ctx context.Context, method, path string, q url.Values, p Priority, failing func(*Error)) (a answer, err error) {
	err = c.attempts(ctx, path, p, failing, func(key secret.String) error {
		a, err = c.once(ctx, method, path, q, key)
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return a, nil
}

// attempts calls once with the key in use until it succeeds, or trying again does not help any more.
func (c *Client) attempts(ctx context.Context, path string, p Priority, failing func(*Error), once func(key secret.String) error) error {
	var refused secret.String // the key the server last called invalid
	for attempt := 1; ; attempt++ {
		key, err := c.key.use(ctx, refused)
		if err != nil {
			return err
		}
		if err := c.take(ctx, path, p); err != nil {
			return fmt.Errorf("wait for the request budget: %w", err)
		}
		if err = once(key); err == nil {
			return nil
		}
		var failed *Error
		if !errors.As(err, &failed) || ctx.Err() != nil {
			return err
		}
		if failing != nil {
			failing(failed)
		}
		if failed.KeyRefused() && refused.IsZero() { // it may have been replaced meanwhile
			refused = key
			if next, err := c.key.use(ctx, refused); err == nil && !next.Equal(key.Reveal()) {
				continue
			}
		}
		if !failed.Retryable() || attempt >= c.opts.Attempts {
			return err
		}
		if err := Pause(ctx, c.delay(path, failed, attempt)); err != nil {
			return fmt.Errorf("wait to try again: %w", err)
		}
	}
}

// answer is a body that came whole.
type answer struct {
	body      []byte
	requestID string
	date      time.Time // by the server; zero where it did not say
}

// once sends one request and reads its answer.
func (c *Client) once(ctx context.Context, method, path string, q url.Values, key secret.String) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	res, call, err := c.open(ctx, method, path, q, key)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	return c.read(ctx, res, call, call.Date, key)
}

// open sends one request. The caller closes the answer's body.
func (c *Client) open(ctx context.Context, method, path string, q url.Values, key secret.String) (res *http.Response, call Call, err error) {
	target := *c.base
	target.Path += path
	target.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, method, target.String(), nil)
	if err != nil {
		return nil, call, fmt.Errorf("ask %s: %w", path, err)
	}
	req.Header.Set("X-Api-Key", key.Reveal())
	req.Header.Set("Anthropic-Version", apiVersion)
	req.Header.Set("Accept", "application/json")
	name, err := c.name(ctx)
	if err != nil {
		return nil, call, err
	}
	req.Header.Set("User-Agent", c.opts.UserAgent+name.comment())
	call = Call{Name: name, At: time.Now(), Method: req.Method, Path: path}
	if res, err = c.http.Do(req); err != nil {
		c.observe(call)
		return nil, call, &Error{Path: path, cause: cause(ctx, err)}
	}
	date := c.clock.set(res.Header.Get("Date"))
	call.Status, call.RequestID, call.Date = res.StatusCode, bounded(res.Header.Get("Request-Id")), date
	c.observe(call)
	c.learn(path, res.StatusCode, res.Header, date)
	return res, call, nil
}

func (c *Client) read(ctx context.Context, res *http.Response, call Call, date time.Time, key secret.String) (answer, error) {
	limit := c.opts.MaxBody
	if res.StatusCode != http.StatusOK {
		limit = maxErrorBody
	}
	body, err := readBody(res, limit)
	switch {
	case res.StatusCode != http.StatusOK:
		e := newError(res, call, body, key)
		if c.opts.Scopes != nil && len(e.Scopes) > 0 {
			c.opts.Scopes(e.Scopes)
		}
		return answer{}, e
	case err != nil:
		return answer{}, &Error{Path: call.Path, RequestID: call.RequestID, cause: fmt.Errorf("the answer broke off: %w", cause(ctx, err))}
	case int64(len(body)) > limit:
		return answer{}, fmt.Errorf("%s, request %s: %w", call.Path, call.RequestID, ErrTooLarge)
	}
	return answer{body: body, requestID: call.RequestID, date: date}, nil
}

// readBody reads one byte more than allowed, to tell. A page is some megabytes: memory for it is taken at once where its
// length is known.
func readBody(res *http.Response, limit int64) ([]byte, error) {
	var b bytes.Buffer
	if res.ContentLength > 0 {
		b.Grow(int(min(res.ContentLength, limit)) + bytes.MinRead)
	}
	_, err := b.ReadFrom(io.LimitReader(res.Body, limit+1))
	return b.Bytes(), err
}

func (c *Client) name(ctx context.Context) (Name, error) {
	if c.opts.Name == nil {
		return Name{}, nil
	}
	return c.opts.Name(ctx)
}

func (c *Client) observe(call Call) {
	if c.opts.Observe != nil {
		c.opts.Observe(call)
	}
}
