package console_test

import (
	"archive/zip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// filled is a bench with some sessions in it, signed in.
func filled(t *testing.T) (*consoletest.Bench, []string) {
	t.Helper()
	b := consoletest.New(t, consoletest.Options{})
	sessions := b.Fill(6, time.Now())
	b.SignIn()
	return b, sessions
}

func query(q string) string { return "?q=" + url.QueryEscape(q) }

func TestActivityListsWhatTheQueryFinds(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	a := b.Get("/activity" + query("user:dana@example.com activity:tool_decision"))
	if a.Status != http.StatusOK {
		t.Fatal(a.Status, a.Body)
	}
	if !strings.Contains(a.Body, "dana@example.com") || strings.Contains(a.Body, "kofi@example.com") {
		t.Error("the list is not of the account asked for")
	}
	for _, want := range []string{
		`says</span> <bdi>dana@example.com`, // what is only asserted says so
		`data-copy="tripod search --data `, `-- &#39;user:dana@example.com activity:tool_decision&#39;"`,
		`href="/activity?q=activity%3Atool_decision"`, // without the first term
	} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestActivityBeginsWithoutTripodsOwnActs(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	b.Get("/")
	b.CatchUp()
	if a := b.Get("/activity"); !strings.Contains(a.Body, `value="-source:tripod"`) || strings.Contains(a.Body, "tripod.console.open") {
		t.Error("the default query is not shown or not used")
	}
	if a := b.Get("/activity?q="); !strings.Contains(a.Body, "tripod.console.open") {
		t.Error("the default cannot be taken away")
	}
}

func TestActivityPagesThroughEverythingOnce(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	for _, order := range []string{"", "&order=oldest"} {
		seen := make(map[string]bool)
		for path, pages := "/activity"+query("-source:tripod")+order, 0; path != ""; pages++ {
			a := b.Get(path)
			for rest := a.Body; ; {
				_, after, ok := strings.Cut(rest, `<td role="cell" class="c-time"><a href="`)
				if !ok {
					break
				}
				href, tail, _ := strings.Cut(after, `"`)
				if seen[href] {
					t.Errorf("%s twice", href)
				}
				seen[href], rest = true, tail
			}
			path = ""
			if before, _, ok := strings.Cut(a.Body, `" rel="next"`); ok {
				path = strings.ReplaceAll(before[strings.LastIndex(before, `href="`)+len(`href="`):], "&amp;", "&")
			}
			if pages > 20 {
				t.Fatal("the pages do not end")
			}
		}
		last, err := b.Journal.Reader().Last(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := int(last) - len(b.Own("tripod.")); len(seen) != want {
			t.Errorf("%q: %d records, want %d", order, len(seen), want)
		}
	}
}

func TestActivityShowsWhereAQueryIsWrong(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	a := b.Get("/activity" + query("tool:Bash actvity:prompt"))
	if !strings.Contains(a.Body, "<mark><bdi>actvity</bdi></mark>") || !strings.Contains(a.Body, "did you mean") {
		t.Errorf("no mark at the mistake: %s", a.Body)
	}
	if strings.Contains(a.Body, "c-time") {
		t.Error("a query that is none found something")
	}
	for path, want := range map[string]int{
		"/activity/counts" + query("x:"): http.StatusBadRequest, "/activity/export?as=csv&q=%22": http.StatusBadRequest,
		"/activity/export?as=exe&q=": http.StatusBadRequest, "/activity/values?field=user&q=": http.StatusBadRequest,
		"/activity/new?since=x&q=": http.StatusBadRequest,
	} {
		if a := b.Get(path); a.Status != want {
			t.Errorf("%s: %d, want %d", path, a.Status, want)
		}
	}
	if a := b.Get("/activity" + query("tool:Bash") + "&cursor=nonsense"); !strings.Contains(a.Body, "another query") {
		t.Errorf("a cursor of elsewhere: %d %s", a.Status, a.Body)
	}
}

func TestCountsToggleTheQuery(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	a := b.Get("/activity/counts" + query("tool:Bash"))
	for _, want := range []string{
		`href="/activity?q=tool%3ABash%2CRead"`,               // another tool is added
		`href="/activity?q=tool%3ABash&#43;outcome%3Asuccess`, // another field too
		`hx-swap-oob="innerHTML:#facets"`, `<svg viewBox="0 0 1000 100"`,
	} {
		if !strings.Contains(a.Body, want) && !strings.Contains(a.Body, strings.ReplaceAll(want, "&#43;", "+")) {
			t.Errorf("the counts lack %s", want)
		}
	}
	if strings.Contains(a.Body, "@example.com") {
		t.Error("people are counted")
	}
}

func TestSearchingIsARecordAndRefreshingIsNot(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	const text = "user:dana@example.com tool:Bash"
	b.Get("/activity" + query(text))
	searches := func() []*audit.Record { return b.Own(console.TypeSearch) }
	if n := len(searches()); n != 1 {
		t.Fatalf("%d records of one search", n)
	}
	r := searches()[0]
	if len(r.Content) != 1 || r.Content[0].Name != "query" || r.Content[0].Class != audit.ClassDetail || r.Content[0].Address == "" || r.Content[0].Bytes != len(text) {
		t.Errorf("content %+v", r.Content)
	}
	if raw := string(r.AppendCanonical(nil)); strings.Contains(raw, "dana") {
		t.Errorf("the query is in the record: %s", raw)
	}
	for _, path := range []string{"/activity/counts", "/activity/new", "/activity/values"} {
		b.Get(path + query(text) + "&since=0&field=model")
	}
	if n := len(searches()); n != 1 {
		t.Errorf("%d records: refreshing the page is no opening", n)
	}
	for i, path := range []string{"/activity/counts", "/activity/new", "/activity/values"} {
		b.Get(path + query(fmt.Sprintf("tool:Read%d", i)) + "&since=0&field=model")
	}
	if n := len(searches()); n != 4 {
		t.Errorf("%d records: counting what was never opened is a look", n)
	}
	b.Get("/activity" + query("tool:Grep"))
	b.Get("/activity/values" + query("tool:Grep") + "&field=tool")
	if n := len(searches()); n != 6 {
		t.Errorf("%d records: the values of all tools are more than tool:Grep finds", n)
	}
	b.Get("/activity/values" + query("tool:Grep") + "&field=model")
	if n := len(searches()); n != 6 {
		t.Errorf("%d records: the models of a query on record are none", n)
	}
	b.Get("/api/v1/search" + query(text))
	if n := len(searches()); n != 7 {
		t.Errorf("%d records: each call of the API is a look", n)
	}
}

// TestALookRunsOut wants another record where a page that stands open asks for what came since: a relative query, as any
// other, finds by then what the first record does not speak of.
func TestALookRunsOut(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	at := time.Now()
	b.Clock.Store(&at)
	f := func(path string, after time.Duration, want int) {
		t.Helper()
		now := at.Add(after)
		b.Clock.Store(&now)
		if a := b.Get(path + query("after:-1h") + "&since=0"); a.Status != http.StatusOK {
			t.Errorf("%s: %d", path, a.Status)
		}
		if n := len(b.Own(console.TypeSearch)); n != want {
			t.Errorf("%s after %s: %d searches on record, want %d", path, after, n, want)
		}
	}
	f("/activity", 0, 1)
	f("/activity/new", 14*time.Minute, 1)
	f("/activity/counts", 15*time.Minute, 2)
	f("/activity/new", 29*time.Minute, 2)
	f("/activity/new", 7*time.Hour, 3)
}

func TestExportHasItsSidecar(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	const text = "activity:tool_decision"
	for _, as := range []string{"csv", "ndjson"} {
		a := b.Get("/activity/export" + query(text) + "&as=" + as)
		if a.Status != http.StatusOK || !strings.Contains(a.Header.Get("Content-Disposition"), ".zip") {
			t.Fatal(a.Status, a.Header)
		}
		z, err := zip.NewReader(strings.NewReader(a.Body), int64(len(a.Body)))
		if err != nil {
			t.Fatal(err)
		}
		if len(z.File) != 2 || z.File[1].Name != z.File[0].Name+".meta.json" || !strings.HasSuffix(z.File[0].Name, "."+as) {
			t.Fatalf("files %v", z.File)
		}
		var sidecar struct {
			Query    string
			Records  int
			Complete bool
			SHA256   string
		}
		if err := json.Unmarshal(unzip(t, z.File[1]), &sidecar); err != nil {
			t.Fatal(err)
		}
		records := unzip(t, z.File[0])
		if sidecar.Query != text || sidecar.Records == 0 || sidecar.SHA256 != sha256Hex(records) {
			t.Errorf("sidecar %+v", sidecar)
		}
		if as == "csv" {
			rows, err := csv.NewReader(strings.NewReader(string(records))).ReadAll()
			if err != nil || len(rows) != sidecar.Records+1 {
				t.Errorf("%d rows: %v", len(rows), err)
			}
		}
	}
	exports := b.Own(console.TypeExport)
	if len(exports) != 2 || exports[0].Activity != audit.ActivityExport || len(exports[0].Content) != 1 {
		t.Errorf("recorded %+v", exports)
	}
}

// TestActivitySaysWhatMayHaveBeenMeant: a name that no record has is no answer, and one that begins so is a click away.
func TestActivitySaysWhatMayHaveBeenMeant(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	a := b.Get("/activity" + query("user:dana activity:tool_decision"))
	holds(t, "empty list", a.Body, "No record matches", "no record has user:dana; did you mean user:dana* (",
		`href="/activity?q=user%3Adana%2A&#43;activity%3Atool_decision"`)
	consoletest.CheckInert(t, "empty list", a.Body)
	if a := b.Get("/activity" + query("user:dana*")); !strings.Contains(a.Body, "dana@example.com") {
		t.Error("the query suggested finds nothing")
	}
	a = b.Get("/activity" + query(`user:"<b>x</b>"`))
	consoletest.CheckInert(t, "hostile query", a.Body)
	holds(t, "hostile query", a.Body, "no record has user:&lt;b&gt;x&lt;/b&gt;")
}

func TestEmptyListsHelp(t *testing.T) {
	t.Parallel()
	empty := consoletest.New(t, consoletest.Options{})
	empty.SignIn()
	if a := empty.Get("/activity"); !strings.Contains(a.Body, "Nothing has been recorded yet") {
		t.Error("an empty journal does not say what to do")
	}
	b, _ := filled(t)
	a := b.Get("/activity" + query("tool:Nothing outcome:denied"))
	for _, want := range []string{"No record matches", `href="/activity?q=outcome%3Adenied"`, `href="/activity?q=tool%3ANothing"`} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestActivityReadsWithoutScripts(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	a := b.Get("/activity" + query("-source:tripod") + "&whole=1")
	for _, want := range []string{`<section class="facet">`, `<svg viewBox="0 0 1000 100"`, `<form action="/activity" method="get"`, `href="/record/`} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(a.Body, `hx-trigger="load"`) {
		t.Error("counts are left to a script")
	}
}
