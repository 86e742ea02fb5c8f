package reading_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/reading/readingtest"
	"github.com/tripod-audit/tripod/internal/search"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// record is the nth record of a session; they stand in the journal one minute apart.
func record(n int, session string) *audit.Record {
	at := noon.Add(time.Duration(n) * time.Minute)
	r := &audit.Record{
		Version: audit.SchemaVersion, ID: fmt.Sprint(n), Normaliser: "test/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode,
		Activity: audit.ActivityPrompt, Type: "user_prompt", Outcome: audit.OutcomeSuccess, Occurred: at, Recorded: at, Keys: audit.Keys{Session: session},
	}
	r.Account.Asserted.Email = "dana@example.com"
	return r
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func parse(t *testing.T, text string) *search.Query {
	t.Helper()
	return must(search.Parse(text, noon))(t)
}

// seqs lists the positions of items in their order.
func seqs(items []reading.Item) string {
	var list []string
	for i := range items {
		list = append(list, fmt.Sprint(items[i].Seq))
	}
	return strings.Join(list, " ")
}

func ten(session string) (list []*audit.Record) {
	for n := 1; n <= 10; n++ {
		list = append(list, record(n, session))
	}
	return list
}

func TestFindPages(t *testing.T) {
	t.Parallel()
	r := readingtest.Build(t, ten("s-1")...).Reader()
	f := func(query string, limit int, oldest bool, want ...string) {
		t.Helper()
		var got []string
		for page := (search.Page{Limit: limit, Oldest: oldest}); ; {
			found := must(r.Find(t.Context(), parse(t, query), page))(t)
			got = append(got, seqs(found.Items))
			if page.Cursor = found.Next; page.Cursor == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
	f("", 4, false, "10 9 8 7", "6 5 4 3", "2 1")
	f("session:s-1", 6, true, "1 2 3 4 5 6", "7 8 9 10")
	f("session:nobody", 4, false, "")
	f("user:DANA@example.com before:2026-11-23T12:03Z", 4, false, "2 1")
	if _, err := r.Find(t.Context(), parse(t, ""), search.Page{Cursor: "nonsense"}); !errors.Is(err, search.ErrCursor) {
		t.Errorf("a wrong cursor gives %v", err)
	}
}

func TestItemJSON(t *testing.T) {
	t.Parallel()
	r := readingtest.Build(t, ten("s-1")...).Reader()
	item := must(r.Record(t.Context(), 7))(t)
	var got struct {
		Seq  uint64
		ID   string
		Keys struct{ Session string }
	}
	if err := json.Unmarshal(item.JSON(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Seq != 7 || got.ID != "7" || got.Keys.Session != "s-1" {
		t.Errorf("%s", item.JSON())
	}
	tombstone := reading.Item{Seq: 3, Tombstone: &audit.Tombstone{Reason: audit.TombstoneErased}}
	if s := string(tombstone.JSON()); !strings.HasPrefix(s, `{"seq":3,"tombstone":"erased","commitment":"`) || !json.Valid([]byte(s)) {
		t.Error(s)
	}
	if _, err := r.Record(t.Context(), 11); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("a record that is not there gives %v", err)
	}
}

// TestDamagedRecords: what is damaged or was cut out is named, and what stands around it is shown.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	f := func(name, harm, items string, unreadable ...uint64) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := readingtest.Build(t, ten("s-1")...)
			w.Harm(t, harm)
			r := w.Reader()
			page := must(r.Find(t.Context(), parse(t, "session:s-1"), search.Page{Oldest: true}))(t)
			session := must(r.Session(t.Context(), "s-1"))(t)
			for what, got := range map[string]struct {
				items      []reading.Item
				unreadable reading.Unreadable
			}{"page": {page.Items, page.Unreadable}, "session": {session.Items, session.Unreadable}} {
				if s := seqs(got.items); s != items {
					t.Errorf("%s shows %s, want %s", what, s, items)
				}
				if diff := cmp.Diff(reading.Unreadable(unreadable), got.unreadable); diff != "" {
					t.Errorf("%s, unreadable (-want +got):\n%s", what, diff)
				}
			}
			if s := page.Unreadable.String(); !strings.Contains(s, fmt.Sprint(unreadable[0])) || !strings.Contains(s, "tripod verify") {
				t.Errorf("says %q", s)
			}
		})
	}
	f("frame", "UPDATE frames SET frame = x'00' WHERE first = 4", "1 2 3 5 6 7 8 9 10", 4)
	f("salts", "UPDATE salts SET salt = zeroblob(16) WHERE seq IN (2, 9)", "1 3 4 5 6 7 8 10", 2, 9)
	f("rows cut out", "DELETE FROM frames WHERE first IN (5, 6)", "1 2 3 4 7 8 9 10", 5, 6)
	// The index knows of records that this older journal never had: that is no damage.
	w := readingtest.Build(t, ten("s-1")...)
	w.Harm(t, "DELETE FROM frames WHERE first > 8")
	page := must(w.Reader().Find(t.Context(), parse(t, ""), search.Page{Oldest: true}))(t)
	if s := seqs(page.Items); s != "1 2 3 4 5 6 7 8" || len(page.Unreadable) > 0 {
		t.Errorf("an older journal shows %s, unreadable %v", s, page.Unreadable)
	}
}

func TestUnreadableString(t *testing.T) {
	t.Parallel()
	many := make(reading.Unreadable, 5000)
	if s := many.String(); len(s) > 200 || !strings.Contains(s, "5000 records") || !strings.Contains(s, "…") {
		t.Errorf("says %q", s)
	}
	if s := (reading.Unreadable)(nil).String(); s != "" {
		t.Errorf("says %q of nothing", s)
	}
}

func TestSessionOrder(t *testing.T) {
	t.Parallel()
	list := ten("s-1")
	at := list[0].Occurred
	for n, sequence := range []int64{3, 1, 2} { // of one millisecond, and delivered out of order
		list[n].Occurred, list[n].Sequence = at, &sequence
	}
	list[9].Occurred = at.Add(-time.Hour) // the last to arrive, the first to occur
	list[5].Keys.Session = "another"
	r := readingtest.Build(t, list...).Reader()
	s := must(r.Session(t.Context(), "s-1"))(t)
	if got := seqs(s.Items); got != "10 2 3 1 4 5 7 8 9" {
		t.Errorf("order %s", got)
	}
	s = must(r.SessionUpTo(t.Context(), "s-1", 4))(t)
	if got := seqs(s.Items); len(s.Items) != 4 || !s.More {
		t.Errorf("up to 4: %s, more %v", got, s.More)
	}
	if s = must(r.SessionUpTo(t.Context(), "s-1", 9))(t); len(s.Items) != 9 || s.More {
		t.Errorf("up to 9: %s, more %v", seqs(s.Items), s.More)
	}
	if s = must(r.Session(t.Context(), "nobody"))(t); len(s.Items) != 0 || s.More {
		t.Errorf("a session that nobody knows: %+v", s)
	}
}

// TestViewsMissing: records stand without the view of discrepancies; without that of search nothing can be found, and the
// error says what to do.
func TestViewsMissing(t *testing.T) {
	t.Parallel()
	w := readingtest.Build(t, ten("s-1")...)
	ctx, broken := t.Context(), errors.New("made by another version")
	noSearch := func(p *reading.Parts) { p.Search = func(context.Context) (search.Reader, error) { return nil, broken } }
	noFound := func(p *reading.Parts) {
		p.Found = func(context.Context) (reading.Discrepancies, error) { return nil, broken }
	}
	want := func(err error, view, advice string) {
		t.Helper()
		var at *reading.ViewError
		if !errors.As(err, &at) || at.View != view || !errors.Is(err, broken) || !strings.Contains(err.Error(), advice) || strings.Count(err.Error(), advice) != 1 {
			t.Errorf("error %v, want one of view %s that says %q", err, view, advice)
		}
	}
	r := w.Reader(noFound)
	s := must(r.Session(ctx, "s-1"))(t)
	if len(s.Items) != 10 || s.Discrepancies != nil {
		t.Errorf("session %+v", s)
	}
	want(s.Without, "correlate", "tripod rebuild correlate")
	_, err := r.Discrepancies(ctx)
	want(err, "correlate", "tripod rebuild correlate")

	r = w.Reader(noSearch)
	_, err = r.Find(ctx, parse(t, ""), search.Page{})
	want(err, "search", "tripod rebuild search")
	_, err = r.Session(ctx, "s-1")
	want(err, "search", "tripod rebuild search")
	_, err = r.Sources(ctx)
	want(err, "search", "tripod rebuild search")
	_, err = r.Behind(ctx)
	want(err, "search", "tripod rebuild search")
	must(r.Record(ctx, 3))(t)
	must(r.Proof(ctx, 3))(t)

	r = w.Reader(noSearch, func(p *reading.Parts) { p.Serving = true })
	_, err = r.Find(ctx, parse(t, ""), search.Page{})
	want(err, "search", "by itself")

	// A view that closes under a reader is missing as well.
	if err := w.Index.Close(); err != nil {
		t.Fatal(err)
	}
	broken = search.ErrClosed
	_, err = w.Reader().Find(ctx, parse(t, ""), search.Page{})
	want(err, "search", "tripod rebuild search")
	if s, err := w.Reader().Session(ctx, "s-1"); err == nil {
		t.Errorf("a session without search: %+v", s)
	}
}

func TestProof(t *testing.T) {
	t.Parallel()
	w := readingtest.Build(t, ten("s-1")...)
	r := w.Reader()
	p := must(r.Proof(t.Context(), 7))(t)
	item := must(r.Record(t.Context(), 7))(t)
	if p.LeafIndex != 6 || p.Salt == "" || p.Canonical == "" || p.Commitment != item.Commitment.String() || !strings.Contains(p.TlogProof, "c2sp.org/tlog-proof") {
		t.Errorf("%+v", p)
	}
	if size, text, err := r.Checkpoint(); err != nil || size != 10 || text == "" {
		t.Errorf("checkpoint of %d, %v", size, err)
	}
	if _, err := r.Proof(t.Context(), 11); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("proof of nothing: %v", err)
	}
	// Somebody changes the salt, and so what the record commits to.
	w.Harm(t, "UPDATE salts SET salt = (SELECT salt FROM salts WHERE seq = 1) WHERE seq = 7")
	if p, err := r.Proof(t.Context(), 7); !errors.Is(err, reading.ErrProof) || !strings.Contains(err.Error(), "tripod verify") {
		t.Errorf("proof of an altered record: %+v, %v", p, err)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	list := ten("s-1")
	list[9].Source = audit.SourceTripod
	list[0].Source = audit.SourceHookClient
	w := readingtest.Build(t, list...)
	got := must(w.Reader().Sources(t.Context()))(t).List
	want := []reading.Source{
		{Source: audit.SourceOTelLog, Records: 8, Last: list[8].Recorded},
		{Source: audit.SourceHookClient, Records: 1, Last: list[0].Recorded},
		{Source: audit.SourceTripod, Records: 1, Last: list[9].Recorded},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"hook.client"}, reading.Silent(got, list[0].Recorded.Add(time.Hour+time.Minute))); diff != "" {
		t.Errorf("silent (-want +got):\n%s", diff)
	}
	if never := reading.NeverSeen(got); len(never) != len(audit.Sources())-3 || slices.Contains(never, "otel.log") || !slices.Contains(never, "gateway.llm") {
		t.Errorf("never seen: %q", never)
	}
	w.Harm(t, "UPDATE frames SET frame = x'00' WHERE first = 9")
	if got = must(w.Reader().Sources(t.Context()))(t).List; !got[0].Last.Equal(list[7].Recorded) {
		t.Errorf("with the newest record damaged: %+v", got[0])
	}
	if behind, err := w.Reader().Behind(t.Context()); err != nil || behind != 0 {
		t.Errorf("behind by %d, %v", behind, err)
	}
}

func TestHints(t *testing.T) {
	t.Parallel()
	list := ten("s-1")
	list[0].Tool, list[1].Tool, list[2].Source = "Bash", "Read", "from.the.future"
	r := readingtest.Build(t, list...).Reader()
	f := func(query string, want ...string) {
		t.Helper()
		var got []string
		for _, h := range must(r.Hints(t.Context(), parse(t, query)))(t) {
			got = append(got, h.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
	f("")
	f("tool:bash,READ source:OTEL.log outcome:success")
	f("user:nobody session:nothing bsah after:2026-11-01 tool:Bsh*")
	f("tool:Bash,Bsah", "no record has tool:Bsah; did you mean tool:Bash?")
	f("-source:otel.lgo", "no record has source:otel.lgo; did you mean source:otel.log?")
	f("source:from.the.futur", "no record has source:from.the.futur; did you mean source:from.the.future?")
	f("source:otel.span", "no record has source:otel.span") // a source there is, near another
	f("surface:claude_cod surface:cowrk", "no record has surface:claude_cod; did you mean surface:claude_code?",
		"no record has surface:cowrk; did you mean surface:cowork?")
	f("activity:egress", "no record has activity:egress")
	f("model:whatever", "no record has model:whatever")
}

// TestLate: a lag is judged by what the source is, and of history not at all.
func TestLate(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	f := func(name string, source audit.Source, occurred, lag time.Duration, want bool) {
		t.Helper()
		at := began.Add(occurred)
		if got := reading.Late(&audit.Record{Source: source, Occurred: at, Recorded: at.Add(lag)}, began); got != want {
			t.Errorf("%s: late %v", name, got)
		}
	}
	f("in time", audit.SourceOTelLog, time.Hour, 15*time.Minute, false)
	f("late", audit.SourceOTelLog, time.Hour, 16*time.Minute, true)
	f("history", audit.SourceOTelLog, -time.Minute, time.Hour, false)
	f("content", audit.SourceComplianceSession, time.Hour, time.Hour, false)
	f("late content", audit.SourceComplianceSession, time.Hour, 61*time.Minute, true)
}

// TestNothingHints: a name that no record has is said, with what begins with it or has it elsewhere.
func TestNothingHints(t *testing.T) {
	t.Parallel()
	list := ten("s-1")
	for i, r := range list {
		r.Account = audit.Account{Asserted: audit.Identity{Email: "dana@example.test", Device: "d-1"}, Proved: audit.Identity{Credential: "laptop-7"}}
		if i == 0 {
			r.Account.Asserted.Email = "lee@example.test"
		}
	}
	r := readingtest.Build(t, list...).Reader()
	f := func(query string, want ...string) {
		t.Helper()
		var got []string
		for _, h := range must(r.NothingHints(t.Context(), parse(t, query)))(t) {
			got = append(got, h.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
	f("")
	f("user:dana@example.test device:d-1 key:laptop-7 user:dana* session:s-1 -user:nobody after:2026-11-01")
	f("user:dana", "no record has user:dana; did you mean user:dana* (9 records)?")
	f("user:LEE", "no record has user:LEE; did you mean user:LEE* (1 record)?")
	f("user:dana,nobody", "no record has user:dana; did you mean user:dana* (9 records)?", "no record has user:nobody")
	f("device:laptop-7", "no record has device:laptop-7; did you mean key:laptop-7 (10 records)?")
	f("credential:d-1", "no record has key:d-1; did you mean device:d-1 (10 records)?")
	f("key:dana@example.test", "no record has key:dana@example.test; did you mean user:dana@example.test (9 records)?")
	f("dan", "no record has dan; did you mean dan* (9 records)?")
	f(`"after:x"`, `no record has "after:x"`)
	f("session:s", "no record has session:s; ids are matched whole")
	f("tool:nothing user:dana", "no record has tool:nothing", "no record has user:dana; did you mean user:dana* (9 records)?")
	r = readingtest.Build(t).Reader()
	f("user:dana")
}
