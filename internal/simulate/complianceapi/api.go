package complianceapi

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// API is the stand-in. Make it with New.
type API struct {
	opts    Options
	dice    chance
	keys    Keys
	allKeys []*key
	routes  []route
	shared  map[string]*budget // by tenant
	remote  *budget
	feed    *feed
	estate  *estate
	count   atomic.Uint64 // of requests

	bySecret map[string]*key // the map is never changed; the states of its keys are guarded by mu
	mu       sync.Mutex
}

// New makes the stand-in. It is cheap: the past is made when it is asked for.
func New(o Options) (*API, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	a := &API{opts: o, dice: chance(o.Seed), routes: routes(), bySecret: map[string]*key{}, remote: &budget{rate: o.RemoteRate}}
	a.shared = map[string]*budget{a.tenant(parent): {rate: o.Rate}, a.tenant(standalone): {rate: o.Rate}}
	a.keys, a.allKeys = a.dice.keys()
	for _, k := range a.allKeys {
		a.bySecret[k.secret] = k
	}
	if a.feed, err = newFeed(a); err != nil {
		return nil, err
	}
	a.estate = newEstate(a)
	return a, nil
}

// call is one request on its way to an answer.
type call struct {
	Call
	http  *http.Request
	id    string // request-id
	key   *key
	fault Fault
	query *query
	vars  map[string]string // of the path
}

// answer is what a request gets: a JSON value, or a file.
type answer struct {
	body     []byte
	file     bool
	name     string // file name
	mime     string
	unsummed bool // no Content-MD5
}

func jsonAnswer(v any) (*answer, *refusal) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, &refusal{status: http.StatusInternalServerError, kind: "api_error", message: "Internal server error"}
	}
	return &answer{body: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}, nil
}

// Handler serves the API.
func (a *API) Handler() http.Handler { return http.HandlerFunc(a.serveHTTP) }

func (a *API) serveHTTP(w http.ResponseWriter, r *http.Request) {
	n := a.count.Add(1)
	now := a.opts.Now().UTC()
	c := &call{http: r, id: a.dice.id("req_011", "request", strconv.FormatUint(n, 10))}
	c.Call = Call{N: n, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, At: now}
	w.Header().Set("Request-Id", c.id)
	w.Header().Set("Date", now.Format(http.TimeFormat))
	k, bad := a.authenticate(r)
	if bad != nil {
		a.refuse(w, bad) // costs nothing, and nobody's record
		return
	}
	c.key, c.Key = k, k.id
	c.fault = a.fault(c.Call)
	ans, bad := a.attend(w.Header(), c)
	status := http.StatusOK
	if bad != nil {
		status = bad.status
	}
	a.feed.called(c, status)
	a.opts.Log.DebugContext(r.Context(), "answered", "request", c.id, "method", r.Method, "path", r.URL.Path, "status", status, "key", k.id)
	if bad != nil {
		a.refuse(w, bad)
		return
	}
	a.send(w, c, ans)
}

// attend takes a request that has a key through budget, faults, route, scope and parameters to its answer.
func (a *API) attend(h http.Header, c *call) (*answer, *refusal) {
	spent, ok := a.shared[a.tenant(c.key.org)].take(c.At)
	spent.tell(h)
	if !ok {
		h.Set("Retry-After", spent.retryAfter(c.At))
		return nil, overBudget(a.opts.Rate)
	}
	rt, bad := a.find(c)
	if c.fault.Status != 0 && !c.fault.Late {
		return nil, a.befall(h, c, rt)
	}
	if bad != nil {
		return nil, bad
	}
	if bad := a.permit(c.key, rt); bad != nil {
		return nil, bad
	}
	if rt.family == remote {
		if _, ok := a.remote.take(c.At); !ok {
			h.Set("Retry-After", "1")
			return nil, overBudget(a.opts.Rate)
		}
	}
	if !a.feed.enabled(c.At) {
		return nil, notEnabled()
	}
	if c.query, bad = rt.params.parse(c.Query, a.opts.Wording); bad != nil {
		return nil, bad
	}
	ans, bad := rt.serve(a, c)
	if bad == nil && c.fault.Status != 0 {
		return nil, a.befall(h, c, rt)
	}
	return ans, bad
}

func (a *API) befall(h http.Header, c *call, rt *route) *refusal {
	if c.fault.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(c.fault.RetryAfter))
	}
	return c.fault.refusal(rt, c.N)
}

// permit checks the scope. A key of a standalone organisation and every Admin API key reach the feed alone.
func (a *API) permit(k *key, rt *route) *refusal {
	need := []string{rt.scope, scopeAudit}
	deletes := rt.scope == scopeDelete
	if deletes {
		need = need[:1]
	}
	if k.admin && rt.scope != scopeActivities || !k.has(need) {
		return scopeless(k.got(), need, deletes)
	}
	return nil
}

func (a *API) refuse(w http.ResponseWriter, e *refusal) {
	b := e.body()
	w.Header().Set("Content-Type", "application/json")
	if e.retry != "" {
		w.Header().Set("X-Should-Retry", e.retry)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(e.status)
	_, _ = w.Write(b) // a client that went away is no concern of ours
}

// send writes an answer with what befalls its body.
func (a *API) send(w http.ResponseWriter, c *call, ans *answer) {
	h := w.Header()
	b := ans.body
	h.Set("Content-Type", "application/json")
	if ans.file {
		h.Set("Content-Type", ans.mime)
		h.Set("Content-Disposition", "attachment; filename*=utf-8''"+url.PathEscape(ans.name))
		sum := md5.Sum(b)
		if c.fault.Mismatch {
			sum[0] ^= 0xff
		}
		if !ans.unsummed {
			h.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
		}
	} else if !c.fault.Abort && c.fault.Slow == 0 {
		h.Set("Content-Length", strconv.Itoa(len(b)))
	}
	w.WriteHeader(http.StatusOK)
	half := len(b)
	if ans.file || c.fault.Abort || c.fault.Slow > 0 {
		half = len(b) / 2 // sent chunked: files have no Content-Length
	}
	_, _ = w.Write(b[:half])
	if half == len(b) {
		return
	}
	_ = http.NewResponseController(w).Flush() // a recorder in a test may not flush
	if c.fault.Abort {
		panic(http.ErrAbortHandler) // net/http's way to cut a chunked body without its end
	}
	if c.fault.Slow > 0 {
		wait(c.http, c.fault.Slow)
	}
	_, _ = w.Write(b[half:])
}

func wait(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}
