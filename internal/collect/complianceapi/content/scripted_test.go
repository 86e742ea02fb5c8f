package content_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

// scripted is a vendor that has local sessions alone, each of one message, in the place of the simulated one: what it
// answers is the test's to say.
type scripted struct {
	mu       sync.Mutex
	surfaces []string // of the sessions, the first being clls_00000
	changed  []time.Time
	refuses  func(session int) *http.Response // in the place of its transcript; nil is none
	page     int                              // rows of a page; 0 is 100
	lists    int
	asked    map[int]int // for transcripts
}

func (v *scripted) add(n int, surface string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for range n {
		v.surfaces, v.changed = append(v.surfaces, surface), append(v.changed, time.Now())
	}
}

// script has a bench's vendor answer by a script. Call it in a bubble.
func script(t *testing.T) (*bench, *scripted) {
	t.Helper()
	b, v := bubble(t, everything(), simulated.Options{}), &scripted{asked: map[int]int{}}
	b.inject = v.answer
	return b, v
}

func session(i int) string { return fmt.Sprintf("clls_%05d", i) }

func (v *scripted) answer(r *http.Request) *http.Response {
	v.mu.Lock()
	defer v.mu.Unlock()
	path := strings.Split(r.URL.Path, "/")
	at := slices.IndexFunc(path, func(s string) bool { return strings.HasPrefix(s, "clls_") })
	switch {
	case at >= 0:
		i, err := strconv.Atoi(strings.TrimPrefix(path[at], "clls_"))
		if err != nil {
			return refuse(http.StatusNotFound, "There is none.")
		}
		v.asked[i]++
		if v.refuses != nil {
			if res := v.refuses(i); res != nil {
				return res
			}
		}
		return accept(`{"session":{},"data":[{"type":"compliance_local_session_message","id":"clsm_` + session(i) + `","role":"user","created_at":"` +
			v.changed[i].UTC().Format(time.RFC3339) + `","content":[{"type":"text","text":"said"}],"provenance":null}],"next_page":null}`)
	case strings.HasSuffix(r.URL.Path, "/sessions/local"):
		return v.list(r)
	}
	return accept(`{"data":[],"has_more":false,"next_page":null,"last_id":null,"first_id":null}`)
}

func (v *scripted) list(r *http.Request) *http.Response {
	since, err := time.Parse(time.RFC3339, r.URL.Query().Get("updated_at.gte"))
	if err != nil && r.URL.Query().Has("updated_at.gte") {
		return refuse(http.StatusBadRequest, err.Error())
	}
	from, most := 0, 100
	if v.page > 0 {
		most = v.page
	}
	if s := r.URL.Query().Get("page"); s != "" {
		if from, err = strconv.Atoi(s); err != nil {
			return refuse(http.StatusBadRequest, err.Error())
		}
	}
	if s := r.URL.Query().Get("limit"); s == "1" {
		most = 1
	} else if from == 0 {
		v.lists++
	}
	var rows []string
	for i := from; i < len(v.surfaces) && len(rows) < most; i++ {
		if from = i + 1; v.changed[i].Before(since) {
			continue
		}
		rows = append(rows, fmt.Sprintf(`{"type":"compliance_local_session","id":%q,"created_at":%q,"updated_at":%q,"organization_uuid":"o","product_surface":%q,`+
			`"user":{"id":"user_1","email_address":"a@example.com"}}`, session(i), v.changed[i].UTC().Format(time.RFC3339), v.changed[i].UTC().Format(time.RFC3339), v.surfaces[i]))
	}
	next := "null"
	if from < len(v.surfaces) && len(rows) == most {
		next = strconv.Quote(strconv.Itoa(from))
	}
	return accept(`{"data":[` + strings.Join(rows, ",") + `],"next_page":` + next + `}`)
}

func (v *scripted) count() (lists, sessions int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lists, len(v.asked)
}

func accept(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}, Body: io.NopCloser(strings.NewReader(body))}
}

// breaksOff is an answer whose body ends amid it.
func breaksOff() *http.Response {
	res := accept("")
	res.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"session":{`), iotest.ErrReader(errors.New("connection reset"))))
	return res
}

// said are the sessions of which the journal has what was said.
func (b *bench) said() map[string]bool {
	have := map[string]bool{}
	for _, r := range b.records() {
		if r.Source == audit.SourceComplianceSession && r.Type == "user_message" {
			have[r.Keys.Session] = true
		}
	}
	return have
}
