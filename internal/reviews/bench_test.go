package reviews_test

import (
	"context"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/reviews"
	"github.com/tripod-audit/tripod/internal/search"

	"github.com/tripod-audit/tripod/internal/organisation"
)

// bench is a real journal with its views, and people who look.
type bench struct {
	*consoletest.Bench
	reader *reading.Reader
}

func newBench(t *testing.T) *bench {
	b := consoletest.New(t, consoletest.Options{})
	return &bench{b, reading.New(reading.Parts{
		Journal: b.Journal.Reader(), Dir: b.Dir,
		Search:       func(context.Context) (search.Reader, error) { return b.Index, nil },
		Organisation: func(context.Context) (organisation.Reader, error) { return b.Org, nil },
	})}
}

// act records an own act of somebody; query is the text of a query, "" for none.
func (b *bench) act(typ, who, query string, attrs ...audit.Attr) uint64 {
	b.T.Helper()
	return b.actUnder("", typ, who, query, attrs...)
}

func (b *bench) actUnder(id, typ, who, query string, attrs ...audit.Attr) uint64 {
	b.T.Helper()
	act := intake.Act{Type: typ, Activity: audit.ActivityView, Account: audit.Identity{Email: who}, Case: id, Attributes: attrs}
	if query != "" {
		act.Pieces = []intake.Piece{{Name: "query", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(query)}}
	}
	seq, err := b.Door.Record(context.Background(), act, nil)
	if err != nil {
		b.T.Fatal(err)
	}
	return seq
}

// page is a page of the console that somebody opens.
func (b *bench) page(who, name, query string, attrs ...audit.Attr) uint64 {
	b.T.Helper()
	return b.act("tripod.console.open", who, query, append(attrs, audit.TextAttr("tripod.page", name))...)
}

// log opens texts, and counts how often.
func (b *bench) log(opened *int) *reviews.Log {
	b.T.Helper()
	texts, err := reviews.OpenTexts(b.Contents, "officer@example.com", func(context.Context) error {
		*opened++
		return nil
	})
	if err != nil {
		b.T.Fatal(err)
	}
	return &reviews.Log{Reader: b.reader, Texts: texts}
}

// prompt is a record of an account in a session.
func (b *bench) prompt(who, session string) uint64 {
	b.T.Helper()
	r := &audit.Record{Normaliser: "test/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityPrompt, Type: "user_prompt", Outcome: audit.OutcomeSuccess, Occurred: time.Now(), Observed: time.Now()}
	r.Account = audit.Account{Asserted: audit.Identity{Email: who}, Proved: audit.Identity{Credential: "laptops"}}
	r.Keys.Session = session
	r.Container = "session/laptops/" + session
	return b.Submit("laptops", intake.Draft{Record: r, Form: []byte(who + session)})[0]
}
