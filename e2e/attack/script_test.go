package attack

import (
	"html"
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// hostile has every field say something that acts on whoever shows it, another thing in each round.
func hostile(round int) words {
	values, n := consoletest.HostileValues(), 0
	say := func(string) string {
		n++
		return values[(n+round)%len(values)]
	}
	return words{content: say, name: say}
}

// TestNothingRecordedRuns feeds what acts on a page into every field of every way in, and looks at every page for what came
// of it: by its mark-up, and in a browser.
func TestNothingRecordedRuns(t *testing.T) {
	slow(t)
	c := configuration(t)
	url, key := vendor(t, hostile(0))
	c.Environment(func(name string) string {
		return map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": writeFile(t, "key", key), "TRIPOD_COMPLIANCE_URL": url}[name]
	})
	c.Gateway.Upstream = upstream(t, model(hostile(3)))
	s := serve(t, c)
	for round := range len(consoletest.HostileValues()) {
		s.feed(hostile(round))
	}
	list := s.records(func(list []*audit.Record) bool {
		return ofSource(list, audit.SourceOTelLog, audit.SourceOTelMetric, audit.SourceOTelSpan, audit.SourceAuditExport, audit.SourceGatewayLLM,
			audit.SourceComplianceActivity, audit.SourceComplianceDirectory, audit.SourceComplianceSession, audit.SourceComplianceChat)
	})
	t.Logf("%d records", len(list))
	pages := everyPage(s, list, 5)
	marked := 0
	for path, a := range pages.all() {
		if strings.Contains(a.body, consoletest.Mark) {
			marked++
		}
		switch kind := a.header.Get("Content-Type"); {
		case strings.HasPrefix(kind, "text/html"):
			consoletest.CheckInert(t, path, a.body)
		case kind != "application/json" && !strings.HasPrefix(kind, "text/plain") && kind != "application/zip" || a.header.Get("X-Content-Type-Options") != "nosniff":
			t.Errorf("%s: %s %v", path, kind, a.header)
		}
		if a.status >= 500 {
			t.Errorf("%s: %d %.300s", path, a.status, a.body)
		}
	}
	t.Logf("%d of %d pages show some of it", marked, len(pages.paths))
	if marked*2 < len(pages.paths) {
		t.Error("the test shows little")
	}
	t.Run("in a spreadsheet", func(t *testing.T) { cellsAreInert(t, s) })
	t.Run("in the log", func(t *testing.T) { logIsInert(t, s) })
	t.Run("in a browser", func(t *testing.T) {
		b := open(t, s)
		b.eval(`document.body.insertAdjacentHTML("beforeend", "<b onclick=alert(1)>x</b>") || ""`)
		b.wait("true")
		if heard := b.take(); len(heard) == 0 {
			t.Fatal("what the content policy keeps from running is not heard of")
		}
		for _, path := range few(pages) {
			b.visit(path)
			for _, trouble := range b.take() {
				t.Errorf("%s: %s", path, trouble)
			}
			if title := b.eval("document.title"); title == consoletest.Mark {
				t.Errorf("%s: a script ran", path)
			}
		}
	})
}

// everyPage lists what there is to open: what Table names without a record's own address, records of each kind, and all that
// pages lead to, of each kind so many.
func everyPage(s *served, list []*audit.Record, most int) *pages {
	var paths []string
	for _, e := range access.Table() {
		path, isGet := strings.CutPrefix(e.Route, "GET ")
		if path = strings.TrimSuffix(path, "{$}"); isGet && path != "/static/" && !strings.Contains(path, "{") && !strings.HasSuffix(path, "/enter") && !strings.HasPrefix(path, "/debug/") {
			paths = append(paths, path+"?q=&as=csv&field=tool&since=0&whole=1")
		}
	}
	for _, field := range []string{"user", "ip", "device", "key", "model", "source", "surface", "activity", "type", "mcp", "outcome", "session", "prompt", "request", "org", "rule", "case"} {
		paths = append(paths, "/activity/values?q=&field="+field)
	}
	kinds := map[string]int{}
	for i, r := range list {
		kind := string(r.Source) + " " + string(r.Activity)
		if kinds[kind]++; kinds[kind] <= most {
			at := "/record/" + strconv.Itoa(i+1)
			paths = append(paths, at)
			if kinds[kind] == 1 {
				paths = append(paths, at+"/source", at+"/proof", at+"/proof.json")
			}
		}
	}
	all := &pages{paths: paths, answers: map[string]answer{}}
	begins := map[string]int{}
	for i := 0; i < len(all.paths); i++ { // grows
		a := s.get(all.paths[i])
		all.answers[all.paths[i]] = a
		for _, found := range links.FindAllStringSubmatch(a.body, -1) {
			path := html.UnescapeString(found[1])
			begin, _, _ := strings.Cut(path, "?")
			if parts := strings.SplitN(begin, "/", 4); len(parts) > 2 {
				begin = strings.Join(parts[:2], "/")
			}
			if slices.Contains(all.paths, path) || strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/activity/export") || begins[begin] >= 3*most {
				continue
			}
			begins[begin]++
			all.paths = append(all.paths, path)
		}
	}
	return all
}

// pages are what was opened, in order, and what was answered.
type pages struct {
	paths   []string
	answers map[string]answer
}

func (p *pages) all() iter.Seq2[string, answer] {
	return func(yield func(string, answer) bool) {
		for _, path := range p.paths {
			if !yield(path, p.answers[path]) {
				return
			}
		}
	}
}

var links = regexp.MustCompile(` href="(/[^"]*)"`)

// few is some of each kind of page, for who takes longer to look.
func few(p *pages) []string {
	var list []string
	begins := map[string]int{}
	for path, a := range p.all() {
		begin, _, _ := strings.Cut(path[1:], "/")
		begin, _, _ = strings.Cut(begin, "?")
		most := map[string]int{"record": 8, "session": 5, "organisation": 4, "activity": 4, "api": 0, "static": 0, "healthz": 0, "readyz": 0, "metrics": 0}
		n, named := most[begin]
		if !named {
			n = 2
		}
		if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			continue
		}
		if begins[begin]++; begins[begin] > n || strings.HasPrefix(path, "/activity/") || strings.HasPrefix(path, "/health/") || strings.Contains(path, "/source") || strings.Contains(path, "/proof") {
			continue
		}
		list = append(list, path)
	}
	return list
}
