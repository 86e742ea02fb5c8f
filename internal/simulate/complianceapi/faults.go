package complianceapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Faults are what goes wrong of itself, each as a share from 0 to 1. The zero value is an API on a good day: rows are still
// queryable only some seconds after they occurred, as documented.
type Faults struct {
	Late       float64       // of rows: indexed up to LateBy after they occurred, behind windows that were read
	LateBy     time.Duration // 0 means 20 minutes
	Duplicates float64       // of rows in a page: given twice
	Unknown    float64       // of the world's rows: beside them another, of a type or an actor nobody knows; of sessions: an unknown surface

	TooMany     float64 // of requests: 429 that no budget explains
	Internal    float64 // 500 without x-should-retry, or with x-should-retry: true
	Final       float64 // 500 with x-should-retry: false
	Unavailable float64 // 503 (502 and 504 now and then)
	Overloaded  float64 // 529
	LostAnswer  float64 // 500 after the request was carried out: a deletion is done
	Abort       float64 // of bodies: cut in the middle
	Mismatch    float64 // of downloads: Content-MD5 is of other bytes
	Slow        float64 // of bodies: SlowBy passes in their middle
	SlowBy      time.Duration
}

// Rough is a bad day: some of everything.
func Rough() Faults {
	return Faults{
		Late: 0.01, Duplicates: 0.005, Unknown: 0.01, TooMany: 0.01, Internal: 0.01, Final: 0.002, Unavailable: 0.01, Overloaded: 0.005,
		LostAnswer: 0.005, Abort: 0.01, Mismatch: 0.01, Slow: 0.01, SlowBy: 300 * time.Millisecond,
	}
}

func (f Faults) check() error {
	var sum float64
	for _, s := range f.ofRequests() {
		sum += s.share
	}
	bad := sum > 1 || f.LateBy < 0 || f.SlowBy < 0
	for _, share := range []float64{
		f.Late, f.Duplicates, f.Unknown, f.TooMany, f.Internal, f.Final, f.Unavailable, f.Overloaded, f.LostAnswer, f.Abort, f.Mismatch, f.Slow,
	} {
		bad = bad || !(share >= 0 && share <= 1)
	}
	if bad {
		return errors.New("faults are shares from 0 to 1, those of requests together at most 1, and times are not negative")
	}
	return nil
}

// Call is a request as faults see it.
type Call struct {
	N      uint64 // from 1, of this API
	Method string
	Path   string // /v1/compliance/…
	Query  string // raw
	Key    string // id of the key
	At     time.Time
}

// Fault is what befalls one request.
type Fault struct {
	// Status, where not 0, is answered in place of what was asked for, with Type and Message or what is usual for it.
	Status        int
	Type, Message string
	RetryAfter    int    // seconds; header of a 429 or 503, 0 for none
	ShouldRetry   string // x-should-retry: "true", "false", "" for none
	// Late has Status answered after the request was carried out.
	Late bool

	// Abort has the body cut in the middle. That is the server's doing: a handler called without one panics with
	// http.ErrAbortHandler, for its caller to recover.
	Abort    bool
	Mismatch bool          // Content-MD5 is of other bytes
	Slow     time.Duration // passes in the middle of the body
}

type share struct {
	share float64
	fault Fault
}

func (f Faults) ofRequests() []share {
	return []share{
		{f.TooMany, Fault{Status: http.StatusTooManyRequests, RetryAfter: 2}},
		{f.Internal, Fault{Status: http.StatusInternalServerError}},
		{f.Final, Fault{Status: http.StatusInternalServerError, ShouldRetry: "false"}},
		{f.Unavailable, Fault{Status: http.StatusServiceUnavailable}},
		{f.Overloaded, Fault{Status: statusOverloaded}},
		{f.LostAnswer, Fault{Status: http.StatusInternalServerError, Late: true}},
		{f.Abort, Fault{Abort: true}},
		{f.Mismatch, Fault{Mismatch: true}},
		{f.Slow, Fault{Slow: f.SlowBy}},
	}
}

// statusOverloaded is the vendor's own: https://platform.claude.com/docs/en/api/errors.
const statusOverloaded = 529

// fault is what befalls the nth request.
func (a *API) fault(c Call) Fault {
	if a.opts.Inject != nil {
		if f := a.opts.Inject(c); f != nil {
			return *f
		}
	}
	n := strconv.FormatUint(c.N, 10)
	at := a.dice.part("fault", n)
	for _, s := range a.opts.Faults.ofRequests() {
		if at -= s.share; at >= 0 || s.share == 0 {
			continue
		}
		switch turn := a.dice.n(4, "fault kind", n); {
		case s.fault.Status == http.StatusInternalServerError && s.fault.ShouldRetry == "" && turn == 0:
			s.fault.ShouldRetry = "true"
		case s.fault.Status == http.StatusServiceUnavailable && turn == 0:
			s.fault.Status = http.StatusBadGateway
		case s.fault.Status == http.StatusServiceUnavailable && turn == 1:
			s.fault.Status = http.StatusGatewayTimeout
		}
		return s.fault
	}
	return Fault{}
}

// refusal is the answer of a fault on a route.
func (f Fault) refusal(rt *route, n uint64) *refusal {
	kind, message := "api_error", "Internal server error"
	switch f.Status {
	case http.StatusTooManyRequests:
		kind, message = "rate_limit_error", overBudget(600).message
	case statusOverloaded:
		kind, message = "overloaded_error", "Overloaded"
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		message = http.StatusText(f.Status)
	case http.StatusServiceUnavailable:
		kind, message = unavailable(rt, n)
	}
	if f.Type != "" {
		kind = f.Type
	}
	if f.Message != "" {
		message = f.Message
	}
	return &refusal{status: f.Status, kind: kind, message: message, retry: f.ShouldRetry}
}

// unavailable is what 503 says: of local sessions, one of three things.
func unavailable(rt *route, n uint64) (kind, message string) {
	if rt == nil || rt.family != local {
		return "api_error", "Service unavailable"
	}
	what := "page"
	if rt.name != "local sessions" {
		what = "session"
	}
	return "overloaded_error", []string{
		"The local-sessions index is temporarily unavailable. Try again shortly.",
		"Captured content is temporarily unavailable. Try again shortly.",
		fmt.Sprintf("The local-sessions index cannot currently evaluate retention overrides for this %s. Try again later.", what),
	}[n%3]
}
