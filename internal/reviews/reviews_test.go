package reviews_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/reviews"
)

const (
	officer = "officer@example.com"
	ana     = "ana@example.com"
	ben     = "ben@example.com"
)

// list reads all pages, oldest first.
func list(t *testing.T, l *reviews.Log, f reviews.Filter) []string {
	t.Helper()
	var out []string
	for cursor := ""; ; {
		p, err := l.List(context.Background(), f, cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, look := range p.Looks {
			out = append([]string{line(&look)}, out...)
		}
		if cursor = p.Next; cursor == "" {
			return out
		}
	}
}

func line(l *reviews.Look) string {
	words := []string{string(l.Kind), l.Who, l.Case, l.Purpose}
	if l.Query != nil {
		words = append(words, l.Query.State, l.Query.Text)
	}
	return strings.Join(words, " ")
}

func TestLog(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.prompt("dana@example.com", "s1")
	b.act("tripod.serve.start", "", "")
	b.page(ana, "overview", "")
	b.act("tripod.console.search", ana, "user:dana@example.com")
	b.page(ben, "record", "", audit.CountAttr("position", 1))
	b.actUnder("C-2026-0001", "tripod.content.open", ben, "", audit.CountAttr("position", 1), audit.TextAttr("purpose", "incident"), audit.TextAttr("class", "text"))
	b.act(reviews.TypeOpen, officer, "source:tripod")
	b.CatchUp()
	opened := 0
	l := b.log(&opened)
	all := []string{"page ana@example.com  ", "search ana@example.com   held user:dana@example.com", "record ben@example.com  ",
		"content ben@example.com C-2026-0001 incident", "review officer@example.com   held source:tripod"}
	for _, c := range []struct {
		f    reviews.Filter
		want []string
	}{
		{reviews.Filter{}, all},
		{reviews.Filter{Who: ana}, all[:2]},
		{reviews.Filter{Kind: reviews.KindRecord}, all[2:3]},
		{reviews.Filter{Kind: reviews.KindPage}, all[:1]},
		{reviews.Filter{Case: "C-2026-0001"}, all[3:4]},
		{reviews.Filter{Before: time.Now().Add(-time.Hour)}, nil},
		{reviews.Filter{After: time.Now().Add(-time.Hour), Before: time.Now().Add(time.Hour), Kind: reviews.KindReview}, all[4:]},
	} {
		if diff := cmp.Diff(c.want, list(t, l, c.f)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.f, diff)
		}
		var streamed []string
		told, err := l.Each(context.Background(), c.f, func(look *reviews.Look) error {
			streamed = append(streamed, line(look))
			return nil
		})
		if diff := cmp.Diff(c.want, streamed); err != nil || diff != "" || told.Looks != len(c.want) {
			t.Errorf("streamed %+v: %v, %d (-want +got):\n%s", c.f, err, told.Looks, diff)
		}
	}
	if opened == 0 {
		t.Error("texts were opened without asking whether that is on record")
	}
	if err := (reviews.Filter{Kind: "gossip"}).Validate(); err == nil {
		t.Error("a kind there is not")
	}
}

// TestTextsStaySealed: without a grant, and where an opening cannot be recorded, no text is seen.
func TestTextsStaySealed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.act("tripod.console.search", ana, "user:dana@example.com")
	b.CatchUp()
	p, err := (&reviews.Log{Reader: b.reader}).List(context.Background(), reviews.Filter{}, "", 10)
	if err != nil || len(p.Looks) != 1 || p.Looks[0].Query.State != reviews.StateSealed || p.Looks[0].Query.Text != "" {
		t.Fatalf("%v: %+v", err, p)
	}
	texts, err := reviews.OpenTexts(b.Contents, officer, func(context.Context) error { return context.DeadlineExceeded })
	if err != nil {
		t.Fatal(err)
	}
	if p, err := (&reviews.Log{Reader: b.reader, Texts: texts}).List(context.Background(), reviews.Filter{}, "", 10); err == nil {
		t.Errorf("opened what could not be recorded: %+v", p)
	}
}

func TestConsultations(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	danas := b.prompt("dana@example.com", "s-dana")
	kims := b.prompt("kim@example.com", "s-kim")
	b.actUnder("C-2026-0004", "tripod.case.open", ana, "", audit.TextAttr("kind", "request"), audit.TextAttr("purpose", "access_request"))
	b.CatchUp()
	session := func(id string) audit.Attr { return audit.TextAttr("session.id", id) }
	at := func(seq uint64) audit.Attr { return audit.CountAttr("position", int64(seq)) }
	for _, look := range []func(){
		func() { b.page(ana, "overview", "") },
		func() { b.act("tripod.console.search", ana, "activity:prompt") },
		func() { b.act("tripod.console.search", ana, "user:kim@example.com -user:dana@example.com") },
		func() { b.act("tripod.console.search", ana, `user:DANA@example.com after:-7d`) }, // 1
		func() { b.act("tripod.console.search", ana, `user:dana*`) },                      // 2
		func() { b.act("tripod.console.export", ana, `session:s-dana`) },                  // 3
		func() { b.page(ben, "session", "", session("s-dana")) },                          // 4
		func() { b.page(ben, "session", "", session("s-kim")) },
		func() { b.page(ben, "record", "", at(danas)) }, // 5
		func() { b.page(ben, "record", "", at(kims)) },
		func() { b.page(ben, "account", "email:dana@example.com") }, // 6
		func() { b.page(ben, "account", "email:kim@example.com") },
		func() { b.page(ben, "organisation", "dana") }, // 7
		func() {
			b.actUnder("C-2026-0004", "tripod.content.open", ben, "", at(danas), audit.TextAttr("class", "detail")) // 8
		},
	} {
		look()
	}
	b.CatchUp()
	opened := 0
	var got []string
	told, err := b.log(&opened).Consultations(context.Background(), "dana@example.com", reviews.Filter{}, func(c reviews.Consultation) error {
		got = append(got, strings.Join([]string{string(c.Access), string(c.Class), c.Purpose, c.CaseKind}, " "))
		return nil
	})
	want := []string{"search metadata  ", "search metadata  ", "export metadata  ", "session metadata  ", "record metadata  ", "account metadata  ", "list metadata  ",
		"content detail access_request request"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	veiled := b.log(&opened)
	veiled.Veiled = func(id string) bool { return id == "C-2026-0004" }
	var last reviews.Consultation
	if _, err := veiled.Consultations(context.Background(), "dana@example.com", reviews.Filter{}, func(c reviews.Consultation) error {
		last = c
		return nil
	}); err != nil || last.Access != reviews.KindContent || last.Purpose != "" || last.CaseKind != "" {
		t.Errorf("a privileged matter is told: %+v, %v", last, err)
	}
	if told.Consultations != len(want) || len(told.Limits) < 2 {
		t.Errorf("%+v", told)
	}
}

// TestConsultationsNameNobody: whatever is on record of who looked, nothing of it is in what is handed out.
func TestConsultationsNameNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	danas := b.prompt("dana@example.com", "s-dana")
	b.CatchUp()
	b.act("tripod.console.search", ana, "user:dana@example.com user:"+ben)
	b.actUnder("C-2026-0004", "tripod.content.open", ben, "", audit.CountAttr("position", int64(danas)), audit.TextAttr("grant", "G-2026-0001"))
	b.CatchUp()
	var out strings.Builder
	row, err := reviews.ConsultationsCSV(&out)
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	_, err = b.log(&opened).Consultations(context.Background(), "dana@example.com", reviews.Filter{}, func(c reviews.Consultation) error {
		return cmpErr(row(c), reviews.Lines[reviews.Consultation](&out)(c))
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "\n") != 5 {
		t.Errorf("want a header and two looks in two forms:\n%s", out.String())
	}
	for _, name := range []string{"ana", "ben", "C-2026", "G-2026"} {
		if strings.Contains(out.String(), name) {
			t.Errorf("%q is told:\n%s", name, out.String())
		}
	}
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
