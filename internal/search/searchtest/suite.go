// Package searchtest holds what every implementation of search.Index must do, as tests to run over it, and a reference
// implementation to compare with. Nothing here is durable. The Reference is safe for concurrent use and orders hits as
// package search says.
package searchtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/search"
)

// Run runs the suite. open makes a new, empty index and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) search.Index) {
	t.Helper()
	for _, tc := range []struct {
		name string
		test func(t *testing.T, ix search.Index)
	}{
		{"empty", testEmpty},
		{"fields", testFields},
		{"times", testTimes},
		{"clocks", testClocks},
		{"ties", testTies},
		{"long values", testLongValues},
		{"paging", testPaging},
		{"position", testPosition},
		{"erasure", testErasure},
		{"facets", testFacets},
		{"random", testRandom},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.test(t, open(t))
		})
	}
}

// day is where the suite's records begin: the end of a month, so that they lie in two.
var day = time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC)

func parse(t *testing.T, query string) *search.Query {
	t.Helper()
	q, err := search.Parse(query, day)
	if err != nil {
		t.Fatalf("parse %q: %v", query, err)
	}
	return q
}

func apply(t *testing.T, ix search.Index, page []search.Entry) {
	t.Helper()
	if err := ix.Apply(t.Context(), page); err != nil {
		t.Fatal(err)
	}
}

// find returns the positions of all hits, page by page.
func find(t *testing.T, ix search.Reader, query string, p search.Page) []uint64 {
	t.Helper()
	q := parse(t, query)
	seqs := []uint64{}
	for {
		res, err := ix.Find(t.Context(), q, p)
		if err != nil {
			t.Fatalf("find %q: %v", query, err)
		}
		for _, h := range res.Hits {
			seqs = append(seqs, h.Seq)
		}
		if p.Cursor = res.Next; p.Cursor == "" {
			return seqs
		}
		if len(res.Hits) == 0 {
			t.Fatalf("find %q: a page without hits has a next one", query)
		}
	}
}

func expect(t *testing.T, ix search.Reader, query string, want ...uint64) {
	t.Helper()
	if want == nil {
		want = []uint64{}
	}
	if diff := cmp.Diff(want, find(t, ix, query, search.Page{Oldest: true})); diff != "" {
		t.Errorf("%s (-want +got):\n%s", query, diff)
	}
	count, err := ix.Count(t.Context(), parse(t, query))
	if err != nil || count.N != int64(len(want)) || !count.Exact {
		t.Errorf("count %s: %+v, %v, want %d", query, count, err, len(want))
	}
}

func testEmpty(t *testing.T, ix search.Index) {
	expect(t, ix, "")
	expect(t, ix, "user:dana after:2026-11-01")
	if at, err := ix.Position(t.Context()); at != 0 || err != nil {
		t.Errorf("position %d, %v", at, err)
	}
	h, err := ix.Histogram(t.Context(), parse(t, ""), 10)
	if err != nil || len(h.Counts) != 0 || !h.Exact {
		t.Errorf("histogram %+v, %v", h, err)
	}
}

// base is a record with every searched field set, to the field's name and a suffix.
func base(suffix string, at time.Time) *audit.Record {
	s := func(name string) string { return name + "-" + suffix }
	return &audit.Record{
		Version: audit.SchemaVersion, ID: s("id"), Normaliser: "test/1", Source: audit.Source(s("source")), Surface: audit.Surface(s("surface")),
		Activity: audit.ActivityToolCall, Type: s("type"), Outcome: audit.OutcomeSuccess, Occurred: at, Recorded: at,
		Account: audit.Account{
			Asserted: audit.Identity{
				User: s("user"), UUID: s("uuid"), Email: s("mail") + "@example.com", Subject: s("subject"), Org: s("org"), Key: s("key"),
				Service: s("service"), Device: s("device"), OSUser: s("os"), Credential: s("asserted-credential"), Groups: []string{s("group")},
			},
			Proved: audit.Identity{User: s("proved-user"), UUID: s("proved-uuid"), Email: s("proved") + "@example.com", Device: s("proved-device"), Key: s("proved-key"), Credential: s("credential")},
		},
		Keys: audit.Keys{
			Session: s("session"), Prompt: s("prompt"), Request: s("request"), ClientRequest: s("client"), ToolUse: s("tooluse"), Message: s("message"),
			Chat: s("chat"), Project: s("project"), Agent: s("agent"), ParentAgent: s("parent"), Trace: s("trace"),
		},
		Tool: s("tool"), MCP: s("mcp"), Model: s("model"), Rule: s("rule"), Case: s("case"), IP: s("ip"), Flags: []string{s("flag")},
	}
}

func testFields(t *testing.T, ix search.Index) {
	bare := &audit.Record{Version: 1, Source: audit.SourceOTelLog, Activity: audit.ActivityPrompt, Outcome: audit.OutcomeDenied, Occurred: day, Recorded: day}
	apply(t, ix, Entries(1, base("A1", day.Add(time.Hour)), base("B2", day.Add(2*time.Hour)), bare))
	for field, names := range map[string][]string{
		"user":   {"user", "uuid", "subject", "service", "os", "proved-user", "proved-uuid"},
		"device": {"device", "proved-device"}, "key": {"key", "proved-key", "credential", "asserted-credential"}, "org": {"org"}, "ip": {"ip"},
		"model": {"model"}, "source": {"source"}, "surface": {"surface"}, "type": {"type"}, "tool": {"tool"}, "mcp": {"mcp"}, "rule": {"rule"},
		"case": {"case"}, "flag": {"flag"},
		"session": {"session"}, "prompt": {"prompt"}, "request": {"request", "client"}, "tool_use": {"tooluse"}, "message": {"message"},
		"chat": {"chat"}, "project": {"project"}, "agent": {"agent", "parent"}, "trace": {"trace"},
	} {
		f, _ := search.FieldByName(field)
		for _, n := range names {
			expect(t, ix, field+":"+n+"-A1", 1)
			expect(t, ix, field+":"+n+"-A1,"+n+"-B2", 1, 2)
			expect(t, ix, field+":"+n+"-A1 "+field+":"+n+"-B2", 1, 2)
			expect(t, ix, "-"+field+":"+n+"-A1", 3, 2)
			expect(t, ix, n+"-A1", 1)
			expect(t, ix, "-"+n+"-A1", 3, 2)
			expect(t, ix, field+":"+n+"-A")
			if f.IsKey() {
				expect(t, ix, field+":"+n+"-a1")
				continue
			}
			expect(t, ix, field+":"+strings.ToUpper(n)+"-a1", 1)
			expect(t, ix, field+":"+n+"-A*", 1)
			expect(t, ix, field+":"+n+"-*", 1, 2)
			expect(t, ix, field+`:"`+n+`-"*`, 1, 2)
			expect(t, ix, n+"-B*", 2)
		}
		if field != "source" {
			expect(t, ix, field+":*", 1, 2)
			expect(t, ix, "-"+field+":*", 3)
		}
	}
	expect(t, ix, "user:MAIL-a1@Example.com", 1)
	expect(t, ix, "user:proved-A1@example.com", 1)
	expect(t, ix, "activity:tool_call", 1, 2)
	expect(t, ix, "activity:tool_*", 1, 2)
	expect(t, ix, "outcome:denied", 3)
	expect(t, ix, "outcome:denied,success", 3, 1, 2)
	expect(t, ix, "tool:tool-A1 model:model-B2")
	expect(t, ix, "tool:tool-A1 model:model-A1", 1)
	expect(t, ix, "tool-A1 session-A1 mail-A1@example.com", 1)
	expect(t, ix, "user:user-A1 type:type-A1 ip:ip-A1 session:session-A1 -outcome:denied -ip:ip-B2", 1)
	expect(t, ix, "session:prompt-A1")   // another field's id
	expect(t, ix, "user:device-A1")      // another field's name
	expect(t, ix, "group-A1")            // groups are not searched
	expect(t, ix, "nothing -otherthing") // no such word
	expect(t, ix, "-nothing", 3, 1, 2)
	expect(t, ix, "otel.log,session-B2", 3, 2)
}

func testTimes(t *testing.T, ix search.Index) {
	at := func(s string) *audit.Record {
		when, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return base("x", when)
	}
	apply(t, ix, Entries(1, at("2026-10-31T23:59:59.999999999Z"), at("2026-11-01T00:00:00Z"), at("2026-11-01T01:00:00+01:00"),
		at("2026-11-03T10:00:00Z"), at("2026-11-03T10:59:59.999Z"), at("2026-11-03T11:00:00Z"), at("2026-12-01T00:00:00Z"), at("2027-01-15T12:00:00Z")))
	expect(t, ix, "after:2026-11-01", 2, 3, 4, 5, 6, 7, 8)
	expect(t, ix, "before:2026-11-01", 1)
	expect(t, ix, "after:2026-11 before:2026-12", 2, 3, 4, 5, 6)
	expect(t, ix, "at:2026-11", 2, 3, 4, 5, 6)
	expect(t, ix, "at:2026-11-03T10", 4, 5)
	expect(t, ix, "at:2026-11-03", 4, 5, 6)
	expect(t, ix, "at:2026", 1, 2, 3, 4, 5, 6, 7)
	expect(t, ix, "at:2026-10,2027", 1, 8)
	expect(t, ix, "-at:2026-11", 1, 7, 8)
	expect(t, ix, "at:2026-11-03T10:59:59", 5)
	expect(t, ix, "after:2026-11-03T10:59:59.999Z before:2026-11-03T12:00+01:00", 5)
	expect(t, ix, "after:2026-11-03T10:59:59.999999Z before:2026-11-03T11", 5) // cut to a millisecond
	expect(t, ix, "at:2025")
	expect(t, ix, "at:2026-11 before:2026-10")
	res, err := ix.Find(t.Context(), parse(t, "before:2026-11-01"), search.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (search.Hit{Seq: 1, Time: time.Date(2026, 10, 31, 23, 59, 59, 999_000_000, time.UTC)}); len(res.Hits) != 1 || res.Hits[0] != want {
		t.Errorf("hits %v, want %v", res.Hits, want)
	}
}

func testClocks(t *testing.T, ix search.Index) {
	absurd := base("x", time.Date(2094, 1, 1, 0, 0, 0, 0, time.UTC))
	absurd.Recorded = day.Add(time.Hour)
	absurd.Flag(audit.FlagClockAbsurd)
	none := base("x", day.Add(-400*24*time.Hour))
	none.Recorded = day.Add(25 * time.Hour)
	none.Flag(audit.FlagNoTime)
	unset := base("x", time.Time{})
	unset.Recorded = day.Add(2 * time.Hour)
	late := base("x", day.Add(-400*24*time.Hour)) // believed: an import
	apply(t, ix, Entries(1, absurd, none, unset, late))
	expect(t, ix, "", 4, 1, 3, 2)
	expect(t, ix, "at:2026-10-31", 1, 3)
	expect(t, ix, "at:2026-11-01", 2)
	expect(t, ix, "at:2094")
	expect(t, ix, "flag:clock_absurd", 1)
	expect(t, ix, "flag:clock_absurd,no_time", 1, 2)
}

func testTies(t *testing.T, ix search.Index) {
	var records []*audit.Record
	var want []uint64
	for i := range 250 {
		records = append(records, base("x", day.Add(time.Duration(i%3)*time.Microsecond)))
		want = append(want, uint64(i+1))
	}
	apply(t, ix, Entries(1, records[:100]...))
	apply(t, ix, Entries(101, records[100:]...))
	for _, limit := range []int{11, 100, 250, 1000} {
		if diff := cmp.Diff(want, find(t, ix, "", search.Page{Limit: limit, Oldest: true})); diff != "" {
			t.Errorf("pages of %d, oldest first (-want +got):\n%s", limit, diff)
		}
		got := find(t, ix, "user:user-x", search.Page{Limit: limit})
		slices.Reverse(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d, newest first (-want +got):\n%s", limit, diff)
		}
	}
}

func testLongValues(t *testing.T, ix search.Index) {
	long := strings.Repeat("x", 300)
	r := base("A1", day)
	r.Tool, r.Keys.Session, r.Model = long+"one", long+"one", strings.Repeat("é", 200)
	o := base("B2", day)
	o.Tool, o.Keys.Session, o.Type = long+"two", long+"two", strings.Repeat("y", 64<<10)
	apply(t, ix, Entries(1, r, o))
	expect(t, ix, "tool:"+long+"one", 1, 2) // cut names are equal
	expect(t, ix, "tool:"+long+"*", 1, 2)
	expect(t, ix, "tool:xx*", 1, 2)
	expect(t, ix, "session:"+long+"one", 1) // keys are whole
	expect(t, ix, "model:"+strings.Repeat("é", 128), 1)
	expect(t, ix, "type:"+strings.Repeat("y", 1000), 2)
	expect(t, ix, "type:"+strings.Repeat("y", 255))
}

// testPaging pages through hits while rows arrive: before, behind and among them.
func testPaging(t *testing.T, ix search.Index) {
	for _, oldest := range []bool{false, true} {
		at, err := ix.Position(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seq := at + 1
		tool := fmt.Sprintf("x%v", oldest)
		push := func(offset time.Duration) uint64 {
			apply(t, ix, Entries(seq, base(tool, day.Add(offset))))
			seq++
			return seq - 1
		}
		var first []uint64
		for i := range 50 {
			first = append(first, push(time.Duration(i)*time.Hour)) // over a month's end
		}
		if !oldest {
			slices.Reverse(first)
		}
		var seen []uint64
		p := search.Page{Limit: 7, Oldest: oldest}
		q := parse(t, "tool:tool-"+tool)
		for {
			res, err := ix.Find(t.Context(), q, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range res.Hits {
				seen = append(seen, h.Seq)
			}
			if p.Cursor = res.Next; p.Cursor == "" {
				break
			}
			for range 3 { // newer, older, and between what was and what was not shown
				push(60 * 24 * time.Hour)
				push(-60 * 24 * time.Hour)
				push(25*time.Hour + 30*time.Minute)
			}
		}
		for i, s := range seen {
			if slices.Contains(seen[:i], s) {
				t.Errorf("oldest %v: %d was returned twice", oldest, s)
			}
		}
		old := slices.DeleteFunc(slices.Clone(seen), func(s uint64) bool { return !slices.Contains(first, s) })
		if diff := cmp.Diff(first, old); diff != "" {
			t.Errorf("oldest %v: rows that were there from the start (-want +got):\n%s", oldest, diff)
		}
	}
	q := parse(t, "")
	res, err := ix.Find(t.Context(), q, search.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for cursor, oldest := range map[string]bool{"nonsense!": false, "AAAA": false, res.Next: true, res.Next + "AA": false} {
		if _, err := ix.Find(t.Context(), q, search.Page{Cursor: cursor, Oldest: oldest}); !errors.Is(err, search.ErrCursor) {
			t.Errorf("cursor %q: %v, want ErrCursor", cursor, err)
		}
	}
}

func testPosition(t *testing.T, ix search.Index) {
	page := Entries(1, base("a", day), base("b", day.Add(48*time.Hour)), base("c", day))
	apply(t, ix, page[:2])
	apply(t, ix, page)     // the first two again
	apply(t, ix, page[:1]) // nothing new
	apply(t, ix, nil)
	apply(t, ix, []search.Entry{{Seq: 4, Erased: true}})
	expect(t, ix, "", 1, 3, 2)
	if at, err := ix.Position(t.Context()); at != 4 || err != nil {
		t.Errorf("position %d, %v, want 4", at, err)
	}
	for _, bad := range [][]search.Entry{Entries(6, base("d", day)), {Entry(5, base("d", day)), Entry(7, base("e", day))}} {
		if err := ix.Apply(t.Context(), bad); !errors.Is(err, search.ErrGap) {
			t.Errorf("a gap gives %v, want ErrGap", err)
		}
	}
	apply(t, ix, Entries(5, base("d", day)))
	expect(t, ix, "user:user-d", 5)
}

func testErasure(t *testing.T, ix search.Index) {
	apply(t, ix, Entries(1, base("a", day), base("b", day.Add(time.Hour)), base("a", day.Add(48*time.Hour)), base("c", day)))
	apply(t, ix, Entries(5, EraseOrder(day, 2), base("d", day.Add(2*time.Hour)), EraseOrder(day, 6), EraseOrder(day, 999), EraseOrder(day, 3)))
	forged := EraseOrder(day, 1)
	forged.Source = audit.SourceOTelLog
	apply(t, ix, Entries(10, forged))
	expect(t, ix, "-source:tripod", 1, 4, 10)
	expect(t, ix, "user:user-b")
	expect(t, ix, "session:session-b")
	expect(t, ix, "session:session-a", 1)
	expect(t, ix, "user-d")
	expect(t, ix, "user:user-a", 1)
	facets, err := ix.Facets(t.Context(), parse(t, "-source:tripod"), []search.Field{search.FieldTool}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]search.FacetValue{{Value: "tool-a", N: 1}, {Value: "tool-c", N: 1}}, facets.Values[search.FieldTool]); diff != "" {
		t.Errorf("facets (-want +got):\n%s", diff)
	}
	// Whatever was freed is used again, for others.
	apply(t, ix, Entries(11, base("e", day), base("b", day)))
	expect(t, ix, "user:user-e", 11)
	expect(t, ix, "user:user-b tool:tool-b", 12)
}

func testFacets(t *testing.T, ix search.Index) {
	var records []*audit.Record
	for i := range 30 {
		r := base("x", day.Add(time.Duration(i)*time.Hour))
		r.Tool = []string{"Read", "Bash", "bash", ""}[i%4]
		r.Account.Proved.Org = "second"
		records = append(records, r)
	}
	apply(t, ix, Entries(1, records...))
	facets, err := ix.Facets(t.Context(), parse(t, ""), []search.Field{search.FieldTool, search.FieldOrg, search.FieldCase}, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := &search.Facets{Total: search.Count{N: 30, Exact: true}, Values: map[search.Field][]search.FacetValue{
		search.FieldTool: {{Value: "Bash", N: 8}, {Value: "Read", N: 8}},
		search.FieldOrg:  {{Value: "org-x", N: 30}, {Value: "second", N: 30}},
		search.FieldCase: {{Value: "case-x", N: 30}},
	}}
	if diff := cmp.Diff(want, facets); diff != "" {
		t.Errorf("facets (-want +got):\n%s", diff)
	}
	for _, f := range search.Fields() {
		_, err := ix.Facets(t.Context(), parse(t, ""), []search.Field{f}, 5)
		if people := f == search.FieldUser || f == search.FieldDevice || f == search.FieldIP || f == search.FieldKey; people && !errors.Is(err, search.ErrNotFacet) {
			t.Errorf("facets of %s: %v, want ErrNotFacet", f, err)
		}
	}
}

// testRandom compares every answer with the reference's.
func testRandom(t *testing.T, ix search.Index) {
	r := rand.New(rand.NewPCG(11, 23))
	ref := new(Reference)
	const span = 70 * 24 * time.Hour
	seq := uint64(1)
	rounds, questions := 5, 35
	if testing.Short() {
		rounds, questions = 3, 10
	}
	for round := range rounds {
		for range 4 {
			var page []search.Entry
			for range 1 + r.IntN(40*rounds) {
				switch n := r.IntN(100); {
				case n == 0:
					page = append(page, search.Entry{Seq: seq, Erased: true})
				case n == 1 && seq > 10 && round > 0:
					page = append(page, Entry(seq, EraseOrder(day.Add(time.Duration(r.Int64N(int64(span)))), 1+r.Uint64N(seq-1))))
				default:
					page = append(page, Entry(seq, RandomRecord(r, day, span)))
				}
				seq++
			}
			apply(t, ix, page)
			apply(t, ref, page)
		}
		for range questions {
			Compare(t, ref, ix, RandomQuery(r, day, span), 40+r.IntN(400), r.IntN(2) == 0)
			if t.Failed() {
				return
			}
		}
	}
}

// Compare asks both the same and reports where the second's answer differs. Inexact counts must be lower bounds.
func Compare(t *testing.T, want, got search.Reader, query string, limit int, oldest bool) {
	t.Helper()
	q := parse(t, query)
	p := search.Page{Limit: limit, Oldest: oldest}
	if diff := cmp.Diff(find(t, want, query, p), find(t, got, query, p)); diff != "" {
		t.Errorf("%s: hits, pages of %d, oldest first %v (-want +got):\n%s", query, limit, oldest, diff)
	}
	wantCount, _ := want.Count(t.Context(), q)
	if n, err := got.Count(t.Context(), q); err != nil || n.Exact && n.N != wantCount.N || n.N > wantCount.N {
		t.Errorf("%s: count %+v, %v, want %d", query, n, err, wantCount.N)
	}
	var fields []search.Field
	for _, f := range search.Fields() {
		if f.HasFacets() {
			fields = append(fields, f)
		}
	}
	wantFacets, _ := want.Facets(t.Context(), q, fields, 3)
	facets, err := got.Facets(t.Context(), q, fields, 3)
	if err != nil {
		t.Fatalf("%s: facets: %v", query, err)
	}
	if diff := cmp.Diff(wantFacets, facets, cmpopts.EquateEmpty()); facets.Total.Exact && diff != "" {
		t.Errorf("%s: facets (-want +got):\n%s", query, diff)
	}
	wantHistogram, _ := want.Histogram(t.Context(), q, limit)
	h, err := got.Histogram(t.Context(), q, limit)
	if err != nil {
		t.Fatalf("%s: histogram: %v", query, err)
	}
	if diff := cmp.Diff(wantHistogram, h, cmpopts.EquateEmpty()); h.Exact && diff != "" {
		t.Errorf("%s: histogram (-want +got):\n%s", query, diff)
	}
}
