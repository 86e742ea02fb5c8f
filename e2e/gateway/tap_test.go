package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tap stands on the wire, passes everything on as it comes and notes it.
type tap struct {
	url string

	mu   sync.Mutex
	all  []*passage    // guarded by mu
	more chan struct{} // closed and replaced whenever a passage begins or ends; guarded by mu
}

// passage is one request and its answer as they passed a tap. Its fields are written before over is closed.
type passage struct {
	Method, URI string
	Header      http.Header
	Length      int64 // as announced; -1 where it was not
	Body        []byte
	Whole       bool // the request was read to its end

	Status   int // 0: no answer came
	Answered http.Header
	Answer   []byte
	Complete bool  // the answer was read to its end
	Err      error // why no answer came

	over bool // guarded by the tap's mu
}

// newTap starts a tap in front of a URL.
func newTap(t *testing.T, to string) *tap {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{more: make(chan struct{})}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 20}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.URL.RawQuery = r.In.URL.RawQuery // what Go cannot parse passes too
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		ModifyResponse: func(res *http.Response) error {
			x, ok := res.Request.Context().Value(passageKey{}).(*passage)
			if !ok {
				return errors.New("a request that no tap has seen")
			}
			x.Status, x.Answered = res.StatusCode, bare(res.Header)
			res.Body = &noted{ReadCloser: res.Body, to: &x.Answer, whole: &x.Complete}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) {
			if x, ok := r.Context().Value(passageKey{}).(*passage); ok {
				x.Err = err
			}
			panic(http.ErrAbortHandler) // what did not come is not answered either
		},
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Else the server reads a request to its end before it lets an answer begin.
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		x := p.begin(r)
		defer p.end(x)
		r.Body = &noted{ReadCloser: r.Body, to: &x.Body, whole: &x.Whole, left: r.ContentLength}
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), passageKey{}, x)))
	}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		transport.CloseIdleConnections()
	})
	p.url = srv.URL
	return p
}

type passageKey struct{}

// noted notes what is read through it.
type noted struct {
	io.ReadCloser
	mu    sync.Mutex
	to    *[]byte
	whole *bool
	left  int64 // until the announced end, if there is one
}

func (n *noted) Read(p []byte) (int, error) {
	m, err := n.ReadCloser.Read(p)
	n.mu.Lock()
	defer n.mu.Unlock()
	*n.to = append(*n.to, p[:m]...)
	if errors.Is(err, io.EOF) || n.left > 0 && int64(len(*n.to)) == n.left {
		*n.whole, err = true, io.EOF
	}
	return m, err
}

func (p *tap) begin(r *http.Request) *passage {
	x := &passage{Method: r.Method, URI: r.RequestURI, Header: bare(r.Header), Length: r.ContentLength, Whole: r.ContentLength == 0}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, x)
	p.stir()
	return x
}

func (p *tap) end(x *passage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.over = true
	p.stir()
}

// stir wakes who waits. mu is held.
func (p *tap) stir() {
	close(p.more)
	p.more = make(chan struct{})
}

// quiet waits until every passage is over and gives those since the nth.
func (p *tap) quiet(t *testing.T, since int) []*passage {
	t.Helper()
	for {
		p.mu.Lock()
		list, more := slices.Clone(p.all[since:]), p.more
		open := slices.ContainsFunc(list, func(x *passage) bool { return !x.over })
		p.mu.Unlock()
		if !open {
			return list
		}
		await(t, "a request to end", more)
	}
}

func (p *tap) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

// hop are header fields that belong to a connection, not to what passes on it: RFC 9110, 7.6.1.
var hop = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// bare is a header without them.
func bare(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range hop {
		h.Del(name)
	}
	return h
}

// same checks that what passed one tap passed the other, byte for byte. Requests that were under way together may come in
// another order.
func same(t *testing.T, front, back []*passage) {
	t.Helper()
	if len(front) != len(back) {
		t.Errorf("the client sent %d requests, %d came out:\n%s\n%s", len(front), len(back), list(front), list(back))
	}
	rest := slices.Clone(back)
	for _, f := range front {
		i := slices.IndexFunc(rest, func(b *passage) bool { return f.Method == b.Method && f.URI == b.URI && bytes.Equal(f.Body, b.Body) })
		if i < 0 {
			t.Errorf("%s did not come out as it was sent", f)
			continue
		}
		b := rest[i]
		rest = slices.Delete(rest, i, i+1)
		equal(t, f, b)
	}
}

func equal(t *testing.T, f, b *passage) {
	t.Helper()
	if diff := cmp.Diff(f.Header, b.Header); diff != "" {
		t.Errorf("%s: the header came out otherwise (-sent +arrived):\n%s", f, diff)
	}
	if f.Length != b.Length || f.Whole != b.Whole {
		t.Errorf("%s: %d bytes announced and whole %t, came out %d and %t", f, f.Length, f.Whole, b.Length, b.Whole)
	}
	if f.Status != b.Status || f.Complete != b.Complete {
		t.Errorf("%s: answered %d and complete %t, came back %d and %t", f, b.Status, b.Complete, f.Status, f.Complete)
	}
	if diff := cmp.Diff(b.Answered, f.Answered); diff != "" {
		t.Errorf("%s: the header of the answer came back otherwise (-sent +arrived):\n%s", f, diff)
	}
	switch {
	case bytes.Equal(f.Answer, b.Answer):
	case !b.Complete && (bytes.HasPrefix(b.Answer, f.Answer) || bytes.HasPrefix(f.Answer, b.Answer)): // cut in the middle, what was under way may differ
	default:
		t.Errorf("%s: the answer came back otherwise, %d bytes of %d:\n%.2000s\n%.2000s", f, len(f.Answer), len(b.Answer), f.Answer, b.Answer)
	}
}

// posts are the requests for messages among passages.
func posts(list []*passage) (of []*passage) {
	for _, x := range list {
		if path, _, _ := strings.Cut(x.URI, "?"); x.Method == http.MethodPost && path == "/v1/messages" {
			of = append(of, x)
		}
	}
	return of
}

func (x *passage) String() string {
	return fmt.Sprintf("%s %s (%d bytes, answered %d with %d, error %v)", x.Method, x.URI, len(x.Body), x.Status, len(x.Answer), x.Err)
}

func list(all []*passage) string {
	var b strings.Builder
	for _, x := range all {
		fmt.Fprintln(&b, "  ", x)
	}
	return b.String()
}
