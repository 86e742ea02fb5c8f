package console

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// problem is an error that people are shown. Any other error is shown as an id under which the log has it.
type problem struct {
	status  int
	code    string // for machines; see docs/console.md
	heading string
	text    string
	advice  string
	err     error // for the log
	at      *search.QueryError
	goOn    string // an address to go on to, "" for none
	entered []page.Entered
	wait    int // seconds after which it is worth trying again; 0: nothing is said
}

func (p *problem) Error() string {
	if p.err != nil {
		return p.text + ": " + p.err.Error()
	}
	return p.text
}

func (p *problem) Unwrap() error { return p.err }

// unrecorded refuses what would be a look that nobody knows of.
func unrecorded(err error) error {
	return &problem{status: http.StatusServiceUnavailable, code: "unavailable", heading: "Not shown, because it could not be recorded",
		text:   "Everything opened here is a record. The journal does not take records at the moment, so nothing is shown.",
		advice: "tripod doctor and /healthz say what is wrong. tripod search and tripod record read without the console.", err: err}
}

// notFound says that there is no such thing.
func notFound(text, advice string) error {
	return &problem{status: http.StatusNotFound, code: "not_found", heading: "Not found", text: text, advice: advice}
}

// asProblem makes any error presentable. unknown is set where the log must have the cause.
func asProblem(err error) (p *problem, unknown bool) {
	var view *reading.ViewError
	var query *search.QueryError
	if p := caseProblem(err); p != nil {
		return p, false
	}
	if p := lifecycleProblem(err); p != nil {
		return p, false
	}
	if p := alertProblem(err); p != nil {
		return p, false
	}
	switch {
	case errors.Is(err, context.Canceled): // nobody reads this, and nothing is wrong
		return &problem{status: 499, code: "cancelled", heading: "Cancelled", text: "The browser went away."}, false
	case errors.As(err, &p):
		return p, p.err != nil
	case errors.Is(err, access.ErrForbidden):
		return forbidden(err), false
	case errors.As(err, &query):
		return &problem{status: http.StatusBadRequest, code: "invalid", heading: "This is no query", text: query.Error(), advice: "docs/search.md has the language.", at: query}, false
	case errors.Is(err, search.ErrCursor):
		return &problem{status: http.StatusBadRequest, code: "invalid", heading: "This page is of another query", text: "The cursor in the address does not belong to the query.",
			advice: "Begin with the first page."}, false
	case errors.As(err, &view):
		return &problem{status: http.StatusServiceUnavailable, code: "unavailable", heading: "The " + view.View + " view cannot be read",
			text: "The records are not in danger; what finds them cannot be asked at the moment.", advice: view.Advice() + ".", err: err}, true
	case errors.Is(err, context.DeadlineExceeded):
		return &problem{status: http.StatusServiceUnavailable, code: "unavailable", heading: "This took too long", text: "No answer came in time.",
			advice: "Ask for a shorter stretch of time, for example with after:-7d.", err: err}, true
	}
	return &problem{status: http.StatusInternalServerError, code: "internal", heading: "This cannot be shown", text: "Something failed.",
		advice: "tripod doctor says whether the data directory is in order.", err: err}, true
}

// show answers with what went wrong, as the request wants it: a page, a part of one, or JSON.
func (c *Console) show(w http.ResponseWriter, r *http.Request, who *signedIn, err error) {
	p, unknown := asProblem(err)
	id := ""
	if unknown {
		id = strings.ToLower(rand.Text()[:10])
		c.deps.Logger.ErrorContext(r.Context(), "console", "id", id, "path", r.URL.Path, "error", err)
	}
	if p.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.wait))
	}
	if wantsJSON(r) {
		writeJSONProblem(w, p)
		return
	}
	shown := page.Problem{Heading: p.heading, Text: p.text, Advice: p.advice, ID: id, GoOn: p.goOn, Entered: p.entered}
	if r.Header.Get("HX-Request") != "" {
		v := &visit{Console: c, w: w, r: r, who: who}
		if err := v.fragmentAs(p.status, "problem", "problem", shown); err != nil {
			c.deps.Logger.ErrorContext(r.Context(), "print problem", "error", err)
		}
		return
	}
	f := c.bare(p.heading)
	if who != nil {
		f = (&visit{Console: c, w: w, r: r, who: who}).frame(p.heading, "", "")
	}
	c.write(w, r, p.status, "problem", f, shown)
}

func wantsJSON(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// apiProblem is the JSON form of an error.
type apiProblem struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Advice  string `json:"advice,omitempty"`
		// Offset and Length say, in bytes, which part of the query is wrong; Length is 0 where the query is not at fault.
		Offset int `json:"offset,omitempty"`
		Length int `json:"length,omitempty"`
	} `json:"error"`
}

func writeJSONProblem(w http.ResponseWriter, p *problem) {
	var body apiProblem
	body.Error.Code, body.Error.Message, body.Error.Advice = p.code, p.text, p.advice
	if p.at != nil {
		body.Error.Offset, body.Error.Length = p.at.Offset, max(1, p.at.Length)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(body)
}

// nowhere answers for addresses that are none, and for methods that are not theirs.
func (c *Console) nowhere(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if allowed := methodsOf(mux, r); len(allowed) > 0 {
			c.notAllowed(w, r, allowed...)
			return
		}
		c.noPage(w, r)
	}
}

// methodsOf lists the methods that an address is registered with.
func methodsOf(mux *http.ServeMux, r *http.Request) []string {
	var list []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		probe := r.WithContext(r.Context())
		probe.Method = method
		if _, pattern := mux.Handler(probe); strings.HasPrefix(pattern, method+" ") {
			list = append(list, method)
		}
	}
	return list
}

// notAllowed refuses a method.
func (c *Console) notAllowed(w http.ResponseWriter, r *http.Request, allowed ...string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	c.show(w, r, c.signedIn(r), &problem{status: http.StatusMethodNotAllowed, code: "invalid", heading: "Not by this method",
		text: "This address is asked with " + strings.Join(allowed, " or ") + "."})
}

// getOnly refuses HEAD, which the mux takes for GET, where answering has effects or is long work.
func (c *Console) getOnly(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			c.notAllowed(w, r, http.MethodGet)
			return
		}
		next(w, r)
	}
}

func (c *Console) noPage(w http.ResponseWriter, r *http.Request) {
	who := c.signedIn(r)
	if who == nil {
		c.closed(w, r, false)
		return
	}
	c.show(w, r, who, notFound("There is no page at this address.", "The pages are reached from the overview and from activity."))
}
