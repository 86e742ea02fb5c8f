package llmgateway

import (
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// again sends a request once more where that is safe: on a kept connection that the upstream has closed meanwhile, before a
// byte of an answer came, a conversation, which may be asked for twice. net/http does so only for methods that change nothing.
type again struct{ next http.RoundTripper }

// mostAgain is how many kept connections may turn out to be closed.
const mostAgain = 5

// RoundTrip implements http.RoundTripper.
func (t again) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.GetBody == nil {
		return t.next.RoundTrip(r)
	}
	attempt := r
	for tries := 0; ; tries++ {
		var kept, answered atomic.Bool
		ctx := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			GotConn:              func(c httptrace.GotConnInfo) { kept.Store(c.Reused) },
			GotFirstResponseByte: func() { answered.Store(true) },
		})
		res, err := t.next.RoundTrip(attempt.WithContext(ctx))
		if err == nil || !kept.Load() || answered.Load() || r.Context().Err() != nil || tries == mostAgain {
			return res, err
		}
		body, again := r.GetBody()
		if again != nil {
			return res, err
		}
		attempt = r.Clone(r.Context())
		attempt.Body = body
	}
}
