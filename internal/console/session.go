package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// mostOfSession bounds the records of a session that a page reads, beside their bytes; one with more shows its oldest.
const mostOfSession = 50_000

// sessionsAtOnce bounds how many sessions are in memory at once; who asks for another one waits.
const sessionsAtOnce = 2

func (c *Console) sessionRoutes(mux *http.ServeMux) {
	what := func(v *visit) (opening, error) {
		return opens("session", audit.Attr{Name: "session.id", Value: audit.String(v.sessionID())}), nil
	}
	c.page(mux, "GET /session/{id}", what, (*visit).showSession)
	c.page(mux, "GET /session", what, (*visit).showSession)
}

// sessionID is in the path, or in the query where a path cannot hold it (see page.SessionURL).
func (v *visit) sessionID() string { return cmp.Or(v.r.PathValue("id"), v.r.URL.Query().Get("id")) }

func (v *visit) showSession() error {
	ctx, id := v.r.Context(), v.sessionID()
	params := v.r.URL.Query()
	spot := spot{from: -1}
	if n, err := strconv.Atoi(params.Get("from")); err == nil {
		spot.from = n
	}
	spot.record, _ = uintOf(params.Get("record"))
	select {
	case v.whole <- struct{}{}:
		defer func() { <-v.whole }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s, err := v.deps.Reader.SessionUpTo(ctx, id, mostOfSession)
	if err != nil {
		return err
	}
	_, behind, err := v.searched(ctx)
	if err != nil {
		return err
	}
	if len(s.Items) == 0 && len(s.Unreadable) == 0 {
		advice := "Sessions are found from activity, by account, device or time."
		if behind > 0 {
			advice = "The search view has " + page.Count(int64(behind)) + " records to take in yet: it may be among them. Load the page again."
		}
		return notFound("No record of a session of this id.", advice)
	}
	p := v.sessionPage(s, behind, spot)
	v.addSessionOpenables(p, s.Items)
	f := v.frame("Session "+page.Plain(id), "activity", v.cli("session", "--", id))
	return v.print("session", f, p)
}

// spot is which part of a long session to show: from a step on, or around a record; the beginning where neither is there.
type spot struct {
	from   int // less than 0 for none
	record uint64
}

func (s spot) first(t *timeline.Timeline) int {
	if s.from >= 0 || s.record == 0 {
		return s.from
	}
	i := slices.IndexFunc(t.Items, func(item timeline.Item) bool { return item.Seq == s.record })
	if i < 0 {
		return 0
	}
	return t.Items[i].Step
}

// sessionPage makes the page of what was read.
func (v *visit) sessionPage(s *reading.Session, behind uint64, at spot) *page.Session {
	entries := make([]timeline.Entry, len(s.Items))
	for i := range s.Items {
		entries[i] = timeline.Entry{Seq: s.Items[i].Seq, Record: s.Items[i].Record}
	}
	p := &page.Session{ID: s.ID, Also: s.Also, T: timeline.Build(entries, s.Discrepancies), Unreadable: s.Unreadable.String(), Behind: behind}
	if s.More {
		p.More = len(s.Items)
	}
	if s.Without != nil {
		p.Without = s.Without.Error()
	}
	p.Asserted, p.Proved = p.T.Accounts.Asserted, p.T.Accounts.Proved
	p.AddOwners()
	p.AddDiscrepancies(s.Discrepancies)
	p.AddSilent(v.delivering())
	p.Fill(at.first(p.T))
	return p
}

// delivering tells which sources have delivered anything; nothing where the view cannot say.
func (v *visit) delivering() map[audit.Source]bool {
	deliver := make(map[audit.Source]bool)
	sources, err := v.deps.Reader.Sources(v.r.Context())
	if err != nil {
		v.deps.Logger.WarnContext(v.r.Context(), "list sources", "error", err)
		return deliver
	}
	for _, s := range sources.List {
		deliver[s.Source] = true
	}
	return deliver
}
