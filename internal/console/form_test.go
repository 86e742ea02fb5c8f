package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/reading"
)

// formBench is a console with one form, for somebody signed in.
type formBench struct {
	t      *testing.T
	c      *Console
	mux    *http.ServeMux
	now    time.Time
	cookie string
	csrf   string
	acts   []intake.Act
	did    int
}

// aForm is where the form of a bench is; its right is that of the test.
const aForm = "POST /leave"

func newFormBench(t *testing.T, right access.Right, role access.Role, f form) *formBench {
	t.Helper()
	b := &formBench{t: t, mux: http.NewServeMux(), now: time.Now()}
	ctx := t.Context()
	dir := t.TempDir()
	j, err := journal.Open(ctx, dir, journal.Options{})
	must(t, err)
	keys, err := keyring.New(make([]byte, keyring.KeySize))
	must(t, err)
	store, err := content.Open(ctx, dir, content.Options{Keyring: keys})
	must(t, err)
	policy, err := capture.New(capture.Config{})
	must(t, err)
	running, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = j.Run(running) })
	wg.Go(func() { _ = store.Run(running) })
	id, state := keys.IDKey(), keys.StateKey()
	lock := recordsTo{intake.New(j, store, policy, id[:]), b}
	book := signin.NewBook()
	decided, err := acts.Load(ctx, dir, acts.Key{}, j.Reader(), book)
	must(t, err)
	service, err := signin.New(ctx, signin.Config{Local: []signin.Local{{OSUser: "kim", Roles: []access.Role{role}, Until: b.now.AddDate(1, 0, 0)}}},
		signin.Deps{Dir: dir, StateKey: &state, Acts: decided, Book: book, Door: lock, Owner: "root", Now: func() time.Time { return b.now }})
	must(t, err)
	t.Cleanup(func() {
		must(t, service.Close())
		stop()
		wg.Wait()
		must(t, errors.Join(store.Close(), j.Close()))
	})
	b.c, err = New(Config{URL: "http://127.0.0.1"}, Deps{
		Reader: reading.New(reading.Parts{Journal: j.Reader(), Dir: dir}), Now: func() time.Time { return b.now }, SignIn: service,
		Record: func(ctx context.Context, a intake.Act) error { _, err := lock.Record(ctx, a, nil); return err },
	})
	must(t, err)
	if f.do == nil {
		f.do = func(*visit) (string, error) { b.did++; return "/health", nil }
	}
	if f.page == nil {
		f.page = func(*visit) string { return "/a/page?x=1" }
	}
	b.c.formWith(b.mux, door{aForm, right}, f)
	kim, err := service.Local("kim")
	must(t, err)
	link, err := b.c.Link(ctx, kim)
	must(t, err)
	cookie, session, err := service.Redeem(ctx, strings.TrimPrefix(link, "http://127.0.0.1/enter?code="), signin.From{})
	must(t, err)
	b.cookie, b.csrf, b.acts = cookie, session.CSRF, nil
	return b
}

// recordsTo keeps the acts that it makes durable.
type recordsTo struct {
	*intake.Door
	b *formBench
}

func (r recordsTo) Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error) {
	r.b.acts = append(r.b.acts, act)
	return r.Door.Record(ctx, act, cursors)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *formBench) post(fields url.Values, edit func(*http.Request)) *httptest.ResponseRecorder {
	b.t.Helper()
	if !fields.Has("csrf") {
		fields.Set("csrf", b.csrf)
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/leave", strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "tripod", Value: b.cookie})
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, r)
	return w
}

func TestFormDecidesOnlyForItsOwnPage(t *testing.T) {
	t.Parallel()
	b := newFormBench(t, access.SetHold, access.Counsel, form{})
	for name, edit := range map[string]func(*http.Request){
		"signed out":     func(r *http.Request) { r.Header.Del("Cookie") },
		"another origin": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"JSON":           func(r *http.Request) { r.Header.Set("Content-Type", "application/json") },
		"multipart":      func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") },
		"token in the address": func(r *http.Request) {
			r.URL.RawQuery = "csrf=" + b.csrf
			r.Body = http.NoBody
		},
	} {
		if w := b.post(url.Values{}, edit); w.Code < 400 || b.did != 0 {
			t.Errorf("%s: %d, done %d times", name, w.Code, b.did)
		}
	}
	for _, token := range []string{"", "guess"} {
		if w := b.post(url.Values{"csrf": {token}}, nil); w.Code != http.StatusForbidden || b.did != 0 {
			t.Errorf("token %q: %d", token, w.Code)
		}
	}
	if w := b.post(url.Values{"reason": {strings.Repeat("x", mostEntered)}}, nil); w.Code != http.StatusRequestEntityTooLarge || b.did != 0 {
		t.Errorf("too long: %d", w.Code)
	}
	if w := b.post(url.Values{}, nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/health" || b.did != 1 {
		t.Errorf("own page: %d, done %d times", w.Code, b.did)
	}
}

func TestFormRefusesWhoLacksTheRight(t *testing.T) {
	t.Parallel()
	b := newFormBench(t, access.SetHold, access.Analyst, form{})
	for range 3 {
		w := b.post(url.Values{"reason": {"because <b>"}}, nil)
		if w.Code != http.StatusForbidden || b.did != 0 || !strings.Contains(w.Body.String(), "counsel") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if len(b.acts) != 1 || b.acts[0].Type != signin.TypeRefused || b.acts[0].Account.OSUser != "kim" {
		t.Errorf("on record: %+v", b.acts)
	}
}

func TestFormKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	b := newFormBench(t, access.Erase, access.PrivacyOfficer, form{})
	b.now = b.now.Add(10*time.Minute + time.Second)
	w := b.post(url.Values{"reason": {"asked by dana"}}, nil)
	if w.Code != http.StatusForbidden || b.did != 0 || !strings.Contains(w.Body.String(), "What you typed is kept") {
		t.Fatalf("old sign-in: %d %s", w.Code, w.Body)
	}
	kept := func(subject, path string) string { return b.c.drafts.of(subject, path, b.now).Get("reason") }
	if kept("os:kim", "/a/page") != "asked by dana" || kept("os:eve", "/a/page") != "" || kept("os:kim", "/") != "" {
		t.Error("what was typed is not kept for them alone")
	}
	if values := b.c.drafts.of("os:kim", "/a/page", b.now); values.Has("csrf") {
		t.Error("the token is kept")
	}
	b.now = b.now.Add(draftLife)
	if kept("os:kim", "/a/page") != "" {
		t.Error("kept for ever")
	}
}

func TestFormShowsItsPageAgain(t *testing.T) {
	t.Parallel()
	wrong := &problem{status: http.StatusConflict, code: "invalid", heading: "Closed meanwhile", text: "Somebody closed it."}
	b := newFormBench(t, access.SetHold, access.Counsel, form{
		do: func(*visit) (string, error) { return "", fmt.Errorf("decide: %w", wrong) },
	})
	if w := b.post(url.Values{"reason": {"long thought"}}, nil); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "long thought") {
		t.Errorf("without a page to show again: %d %s", w.Code, w.Body)
	}
	b = newFormBench(t, access.SetHold, access.Counsel, form{
		do:   func(*visit) (string, error) { return "", wrong },
		what: always(opens("case")),
		again: func(v *visit, p *page.Problem) error {
			return v.print("problem", v.frame("again", "", ""), page.Problem{Heading: p.Heading, Text: v.entered("reason"),
				Advice: fmt.Sprint(v.fields("class"), v.wasEntered("class", "text"), v.wasEntered("class", "detail"))})
		},
	})
	for range 2 {
		w := b.post(url.Values{"reason": {"long thought"}, "class": {"text", "x"}}, nil)
		if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "[text x] true false") || !strings.Contains(w.Body.String(), "long thought") || !strings.Contains(w.Body.String(), "Closed meanwhile") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if len(b.acts) != 1 || b.acts[0].Type != TypeOpen {
		t.Errorf("on record: %+v", b.acts)
	}
}

func TestOursLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "x", "//evil.example", "http://evil.example/", "/\\evil.example", "\\\\evil", "/\t/evil.example", "javascript:alert(1)",
		"///evil.example", "/%0d%0aX: y\r\n", "http:/x", "//", "https:evil", "?x", "#x", " /x", "/../..//evil.example"} {
		if got := ours(bad); got != "/" {
			t.Errorf("%q leads to %q", bad, got)
		}
	}
	for _, good := range []string{"/", "/cases/C-2026-0001", "/activity?q=user%3Adana%40example.com", "/record/3#proof"} {
		if got := ours(good); got != good {
			t.Errorf("%q leads to %q", good, got)
		}
	}
}

func TestUnlistedRoutesAreRefused(t *testing.T) {
	t.Parallel()
	_, err := New(Config{}, Deps{Reader: reading.New(reading.Parts{}), SignIn: new(signin.Service), Record: func(context.Context, intake.Act) error { return nil },
		Open: map[string]http.Handler{"GET /nowhere/else": http.NotFoundHandler()}})
	if err == nil || !strings.Contains(err.Error(), "GET /nowhere/else") {
		t.Errorf("a route without a line in the table: %v", err)
	}
}

// deadlines notes until when a body may be read.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

// TestFormArrivesInTime holds that nobody keeps a form arriving for ever, and that what comes after it is not cut.
func TestFormArrivesInTime(t *testing.T) {
	t.Parallel()
	b := newFormBench(t, access.SetHold, access.Counsel, form{})
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/leave", strings.NewReader("csrf=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "tripod", Value: b.cookie})
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	b.mux.ServeHTTP(w, r)
	if len(w.set) != 2 || w.set[0].Before(time.Now()) || time.Until(w.set[0]) > entering || !w.set[1].IsZero() {
		t.Errorf("a form may arrive until %v", w.set)
	}
}
