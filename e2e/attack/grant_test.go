package attack

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// What stands in the content of a bench that was filed, and in what people wrote about its cases.
var (
	filedText   = []string{"Summarise the mail of ward 4", "Line 7 of what the model answered", "Ward 4</b> is full", "Ward 4&lt;/b&gt; is full", "kofi/ward"}
	filedAbout  = []string{"Mail of ward 4 left the house", "the alert named this session"}
	filedDetail = "/home/kofi/ward"
)

// addresses are every GET route with what there is in place of what it names, and each grant beside it.
func addresses(b *consoletest.Bench, f consoletest.Filed) (list []string) {
	for _, pattern := range b.Console.Routes() {
		path, isGet := strings.CutPrefix(pattern, "GET ")
		path = strings.TrimSuffix(path, "{$}")
		if !isGet || path == "/static/" || path == "/enter" || strings.Contains(path, "export") {
			continue
		}
		paths := []string{path}
		switch {
		case strings.Contains(path, "{seq}"):
			paths = nil
			for _, seq := range f.Seqs {
				paths = append(paths, strings.ReplaceAll(path, "{seq}", fmt.Sprint(seq)))
			}
		case strings.Contains(path, "/session/{id}"):
			paths = []string{strings.ReplaceAll(path, "{id}", f.Session)}
		case strings.Contains(path, "{"):
			paths = nil
			begin, rest, _ := strings.Cut(path, "{")
			_, rest, _ = strings.Cut(rest, "}")
			for _, id := range []string{f.Open, f.Asked, f.Closed, f.Grant, f.Waits, f.Broken, "2026-W47"} {
				paths = append(paths, begin+id+rest)
			}
		}
		for _, p := range paths {
			list = append(list, p)
			if !strings.Contains(pattern, "{") {
				list = append(list, p+"?q=ward&field=tool&since=0&whole=1&as=csv&id=kofi%40example.com&account=kofi%40example.com&session="+f.Session)
			}
			for _, g := range []string{f.Grant, f.Waits, f.Broken, "G-2026-9999", ""} {
				if strings.Contains(p, "content") {
					list = append(list, fmt.Sprintf("%s?grant=%s&record=%d&seq=%d&q=", p, g, f.Seqs[0], f.Seqs[0]))
				}
			}
		}
	}
	return list
}

// TestContentIsForWhoHasTheGrant asks every address as somebody of each role who takes no part, as who decides, and as who has
// the grant, with every grant there is: only the last finds content, and only where content is opened.
func TestContentIsForWhoHasTheGrant(t *testing.T) {
	slow(t)
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{Capture: capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}})
	f := b.File(time.Now().Add(-time.Hour))
	people := map[string]*access.Person{"every role": consoletest.Somebody("eve", access.Roles()...), "priya, who approved": consoletest.Priya(), "ana, who asked": consoletest.Ana(),
		"whose content it is": {Subject: "oidc:kofi@https://idp.example", Email: "kofi@example.com", Roles: access.Roles(), Via: access.ViaOIDC, Since: time.Now()}}
	for _, role := range access.Roles() {
		people["another "+string(role)] = consoletest.Somebody("x-"+string(role), role)
	}
	for name, who := range people {
		b.SignInAs(who)
		opened := 0
		for _, path := range addresses(b, f) {
			a := b.Get(path)
			found := slices.IndexFunc(filedText, func(text string) bool { return strings.Contains(a.Body, text) })
			isAna := name == "ana, who asked"
			switch {
			case found < 0:
			case isAna && (strings.Contains(path, "grant="+f.Grant) || strings.Contains(path, "grant="+f.Broken)):
				opened++
			default:
				t.Errorf("%s reads %q at %s: %d", name, filedText[found], path, a.Status)
			}
			if a.Status >= 500 {
				t.Errorf("%s at %s: %d %.200s", name, path, a.Status, a.Body)
			}
			// Counsel may approve what waits, so they see the cases in which something does.
			may := isAna || who.Has(access.Counsel) || strings.HasPrefix(name, "priya") || who.Has(access.PrivacyOfficer) || who.Has(access.Auditor)
			for _, text := range filedAbout {
				if !may && strings.Contains(a.Body, text) {
					t.Errorf("%s reads of a case at %s: %q", name, path, text)
				}
			}
		}
		if name == "ana, who asked" && opened == 0 {
			t.Error("who has a grant opens nothing: the test shows nothing")
		}
	}
}

// TestGrantOpensWhatItNames holds that a grant opens what it names and nothing else, and nothing once it has ended.
func TestGrantOpensWhatItNames(t *testing.T) {
	slow(t)
	t.Parallel()
	ctx := context.Background()
	b := consoletest.New(t, consoletest.Options{Capture: capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}})
	f := b.File(time.Now().Add(-time.Hour))
	ana, priya := consoletest.Ana(), consoletest.Priya()
	ask := func(class audit.Class, seqs ...uint64) casebook.Grant {
		t.Helper()
		g, err := b.Desk.Request(ctx, ana, casebook.Ask{Case: f.Open, Class: class, Records: seqs, Minutes: 5, Reason: "again"})
		if err != nil {
			t.Fatal(err)
		}
		if g, err = b.Desk.Approve(ctx, priya, g.ID, g.Terms, "yes"); err != nil {
			t.Fatal(err)
		}
		return g
	}
	one, detail := ask(audit.ClassText, f.Seqs[0]), ask(audit.ClassDetail, f.Seqs[0])
	b.SignInAs(ana)
	opens := func(grant string, seq uint64) string {
		t.Helper()
		a := b.Get(fmt.Sprintf("/record/%d/content?grant=%s", seq, grant))
		var found []string
		for _, text := range append(slices.Clone(filedText[:3]), filedDetail) {
			if strings.Contains(a.Body, text) {
				found = append(found, text)
			}
		}
		if len(found) > 0 && a.Status != http.StatusOK {
			t.Errorf("%s opens %d with %d", grant, seq, a.Status)
		}
		return strings.Join(found, ", ")
	}
	all := "Summarise the mail of ward 4, " + filedDetail
	for _, test := range []struct {
		what, grant string
		seq         uint64
		want        string
	}{
		{"what it names", one.ID, f.Seqs[0], all},
		{"another record", one.ID, f.Seqs[2], ""},
		{"detail", detail.ID, f.Seqs[0], filedDetail},
		{"one that waits", f.Waits, f.Seqs[0], ""},
		{"no grant", "", f.Seqs[0], ""},
		{"none there is", "G-2026-9999", f.Seqs[0], ""},
		{"a case", f.Open, f.Seqs[0], ""},
		{"two", one.ID + "," + f.Grant, f.Seqs[2], ""},
		{"a path", "../" + one.ID, f.Seqs[0], ""},
	} {
		if got := opens(test.grant, test.seq); got != test.want {
			t.Errorf("%s: %q, want %q", test.what, got, test.want)
		}
	}
	if _, err := b.Desk.Withdraw(ctx, priya, one.ID, "enough"); err != nil {
		t.Fatal(err)
	}
	if got := opens(one.ID, f.Seqs[0]); got != "" {
		t.Errorf("a grant that was withdrawn opens %q", got)
	}
	if got := opens(f.Grant, f.Seqs[0]); got != all {
		t.Errorf("the grant that is left opens %q", got)
	}
	if _, err := b.Desk.Close(ctx, ana, f.Open, "done"); err != nil {
		t.Fatal(err)
	}
	for _, g := range []string{f.Grant, f.Broken, detail.ID} {
		if got := opens(g, f.Seqs[0]); got != "" {
			t.Errorf("%s of a closed case opens %q", g, got)
		}
	}
}
