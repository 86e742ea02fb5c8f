package messagesapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// FakeKey is the API key clients are told to use. It has the shape of a real one and opens nothing.
const FakeKey = "sk-ant-api03-fake"

// organization is the id in the anthropic-organization-id header of every answer.
const organization = "00000000-0000-4000-8000-00000000face"

// maxBody is the largest request the Messages API takes, in bytes.
const maxBody = 32 << 20

// Options shape the stand-in. The zero value is usable.
type Options struct {
	// Key is the only API key accepted. Empty accepts any, but still asks for one.
	Key string
	// Seed changes every generated id.
	Seed string
	// Scripts are added to the built-in ones and replace those of the same name.
	Scripts map[string]Script
	// Models are the ids GET /v1/models lists. Empty lists a built-in few. Any model is accepted in a request.
	Models []string
	// PingEvery is how often a pausing turn sends a keep-alive; zero means a second.
	PingEvery time.Duration
	// Encodings are the content encodings offered, in the order of preference: "gzip", "br", "zstd", "deflate". None: no encoding,
	// whatever the client accepts.
	Encodings []string
	// PromptCache counts tokens by what each API key's prompts share with earlier ones, byte by byte up to a cache_control mark.
	PromptCache bool
	// Now is the clock of the prompt cache; nil is time.Now.
	Now func() time.Time
	// Choose is asked for the answer before the scripts are; where it knows none, they are. It must be safe for concurrent use.
	Choose func(Exchange) (Turn, bool)
	// Observe is called for every request once it is understood and before it is answered; it must not block.
	Observe func(Exchange)
}

// Exchange is one request and what will be answered.
type Exchange struct {
	Method, Path string
	Session      string // the x-claude-code-session-id header
	Agent        string // the x-claude-code-agent-id header
	RequestID    string
	Script       string // empty where no marker was found
	Turn         int
	Stream       bool
	Status       int
	Header       http.Header // of the request, as received; to be read only
	Bytes        int64       // of the request's body
	Digest       [32]byte    // SHA-256 of the body; of a body that was not read, zero
}

// API is the stand-in as an http.Handler.
type API struct {
	opts    Options
	scripts map[string]Script
	mux     *http.ServeMux
	count   atomic.Int64 // requests answered, from which ids are made

	mu    sync.Mutex
	cache promptCache    // guarded by mu
	tries map[string]int // failures already answered, by conversation and turn; guarded by mu
}

// New makes the stand-in.
func New(opts Options) *API {
	if len(opts.Models) == 0 {
		opts.Models = []string{"claude-opus-5-5", "claude-sonnet-5", "claude-haiku-4-5"}
	}
	if opts.PingEvery <= 0 {
		opts.PingEvery = time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	a := &API{opts: opts, scripts: builtin(), mux: http.NewServeMux(), tries: map[string]int{}, cache: promptCache{}}
	for name, s := range opts.Scripts {
		a.scripts[name] = s
	}
	a.mux.HandleFunc("POST /v1/messages", a.authorized(a.messages))
	a.mux.HandleFunc("POST /v1/messages/count_tokens", a.authorized(a.countTokens))
	a.mux.HandleFunc("GET /v1/models", a.authorized(a.models))
	a.mux.HandleFunc("GET /v1/models/{id}", a.authorized(a.model))
	a.mux.HandleFunc("GET /api/hello", a.hello)
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c := a.begin(r)
		if _, bad := body(w, r, c); bad != nil {
			a.fail(w, r, c, *bad)
			return
		}
		a.fail(w, r, c, apiError{http.StatusNotFound, "not_found_error", "Not found"})
	})
	return a
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// call is one request on its way to an answer.
type call struct {
	n   int64 // number of this request
	exc Exchange

	before func(context.Context, int) // Turn.Before
}

func (a *API) begin(r *http.Request) *call {
	n := a.count.Add(1)
	return &call{n: n, exc: Exchange{
		Method: r.Method, Path: r.URL.Path, Status: http.StatusOK,
		Session: r.Header.Get("X-Claude-Code-Session-Id"), Agent: r.Header.Get("X-Claude-Code-Agent-Id"),
		RequestID: a.id("req_01", n, 0), Header: r.Header,
	}}
}

// head writes the headers every answer of the API carries.
func (a *API) head(w http.ResponseWriter, c *call) {
	h := w.Header()
	h.Set("request-id", c.exc.RequestID)
	h.Set("anthropic-organization-id", organization)
	if a.opts.Observe != nil {
		a.opts.Observe(c.exc)
	}
}

// apiKey is what a request says it may: its key, or the token in its place.
func apiKey(r *http.Request) string {
	key := r.Header.Get("X-Api-Key")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && key == "" {
		key = bearer
	}
	return key
}

// authorized asks for a key and an API version before next sees the request.
func (a *API) authorized(next func(http.ResponseWriter, *http.Request, *call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := a.begin(r)
		switch key := apiKey(r); {
		case key == "":
			a.fail(w, r, c, apiError{http.StatusUnauthorized, "authentication_error", "x-api-key header is required"})
		case a.opts.Key != "" && key != a.opts.Key:
			a.fail(w, r, c, apiError{http.StatusUnauthorized, "authentication_error", "invalid x-api-key"})
		case r.Header.Get("Anthropic-Version") == "":
			a.fail(w, r, c, invalid("anthropic-version: header is required"))
		default:
			next(w, r, c)
		}
	}
}

// apiError is an answer of the error form.
type apiError struct {
	status  int
	kind    string
	message string
}

func invalid(format string, args ...any) apiError {
	return apiError{http.StatusBadRequest, "invalid_request_error", fmt.Sprintf(format, args...)}
}

func (e apiError) body(requestID string) any {
	return map[string]any{
		"type":       "error",
		"error":      map[string]string{"type": e.kind, "message": e.message},
		"request_id": requestID,
	}
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, c *call, e apiError) {
	c.exc.Status = e.status
	a.answer(w, r, c, e.body(c.exc.RequestID))
}

// answer writes a JSON body. A client that went away is no concern of ours, so the write's error is dropped.
func (a *API) answer(w http.ResponseWriter, r *http.Request, c *call, what any) {
	a.head(w, c)
	b, err := json.Marshal(what)
	if err != nil {
		http.Error(w, "encode answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	out := a.encoded(w, r)
	defer out.Close()
	if c.before != nil {
		w.Header().Del("Content-Length")
		c.before(r.Context(), 0)
	}
	w.WriteHeader(c.exc.Status)
	if c.before != nil {
		_ = out.Flush()
	}
	_, _ = out.Write(b)
}

// body reads a request's body and notes what it was.
func body(w http.ResponseWriter, r *http.Request, c *call) ([]byte, *apiError) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		return nil, &apiError{http.StatusRequestEntityTooLarge, "request_too_large", "Request exceeds the maximum size"}
	}
	if err != nil {
		return nil, refused("could not read the body")
	}
	c.exc.Bytes, c.exc.Digest = int64(len(data)), sha256.Sum256(data)
	return data, nil
}

// read reads and decodes a request.
func read(w http.ResponseWriter, r *http.Request, c *call) (*request, *apiError) {
	data, bad := body(w, r, c)
	if bad != nil {
		return nil, bad
	}
	req, err := decode(data)
	if err != nil {
		return nil, refused("%v", err)
	}
	req.raw = data
	return req, nil
}

func (a *API) hello(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, a.begin(r), map[string]string{"message": "hello"})
}

func (a *API) countTokens(w http.ResponseWriter, r *http.Request, c *call) {
	_, bad := read(w, r, c)
	if bad != nil {
		a.fail(w, r, c, *bad)
		return
	}
	a.answer(w, r, c, map[string]int{"input_tokens": int(c.exc.Bytes)/4 + 1})
}

func modelInfo(id string) map[string]string {
	return map[string]string{"type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z"}
}

func (a *API) models(w http.ResponseWriter, r *http.Request, c *call) {
	list := make([]map[string]string, len(a.opts.Models))
	for i, id := range a.opts.Models {
		list[i] = modelInfo(id)
	}
	a.answer(w, r, c, map[string]any{
		"data": list, "has_more": false, "first_id": a.opts.Models[0], "last_id": a.opts.Models[len(list)-1],
	})
}

func (a *API) model(w http.ResponseWriter, r *http.Request, c *call) {
	for _, id := range a.opts.Models {
		if id == r.PathValue("id") {
			a.answer(w, r, c, modelInfo(id))
			return
		}
	}
	a.fail(w, r, c, apiError{http.StatusNotFound, "not_found_error", "model: " + r.PathValue("id")})
}
