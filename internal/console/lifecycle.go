package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/lifecycle/countdown"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// Lifecycle is what keeps and what ends.
type Lifecycle struct {
	Holds     *hold.Keeper
	Retention *retention.Keeper
	// Purges lists the last purges, the latest first.
	Purges func(context.Context) ([]retention.Purged, error)
	// Countdowns tells where evidence disappears elsewhere, as it was last looked; nil: that is not known.
	Countdowns func(context.Context) (*countdown.Report, error)
}

// Retention and holds: what is kept for how long, what a purge would destroy and did, and what may not be destroyed. Rules and
// records are those of packages retention and hold.
func (c *Console) lifecycleRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /lifecycle", (*visit).opensLifecycle, func(v *visit) error { return v.lifecyclePage(wrongForms{}) })
	c.lifecycleForms(mux)
}

// opensLifecycle says what is opened: the page, or why one hold was set.
func (v *visit) opensLifecycle() (opening, error) {
	o := opens("lifecycle")
	if id := v.r.URL.Query().Get("hold"); id != "" {
		if len(id) > longestCaseID || !audit.InertText(id) {
			return o, notFound("There is no such hold.", "The list has those there are.")
		}
		o.attrs = audit.Attrs{audit.TextAttr("hold", id)}
	}
	return o, nil
}

// wrongForms are what is wrong with what was sent.
type wrongForms struct{ set, purge *page.Problem }

// lifecycle is what keeps and what ends, or a problem where this console has none.
func (v *visit) lifecycle() (*Lifecycle, error) {
	if v.deps.Lifecycle == nil {
		return nil, &problem{status: http.StatusServiceUnavailable, code: "unavailable", heading: "No retention here",
			text: "This console runs without retention and holds.", advice: "tripod serve has them."}
	}
	return v.deps.Lifecycle, nil
}

// lifecyclePage goes on part by part: what cannot be read says so in its place, and what somebody may not see is left out.
func (v *visit) lifecyclePage(wrong wrongForms) error {
	l, err := v.lifecycle()
	if err != nil {
		return err
	}
	ctx := v.r.Context()
	p := page.Lifecycle{Now: v.deps.Now().UTC(), CSRF: v.who.csrf, Reads: v.may(access.ReadRecords), MayHolds: v.may(access.ReadHolds), MaySet: v.may(access.SetHold),
		MayPurge: v.may(access.SetRetention), Wrong: wrong.set, PurgeWrong: wrong.purge}
	p.PlanProblem = v.part(v.fillClasses(ctx, l, &p))
	p.PurgeProblem = v.part(v.fillPurges(ctx, l, &p))
	p.CountdownProblem = v.part(v.fillCountdowns(ctx, l, &p))
	if p.MayHolds {
		p.HoldProblem = v.part(v.fillHolds(ctx, l, &p))
	}
	if p.MaySet {
		if err := v.fillNewHold(ctx, &p); err != nil {
			return err
		}
	}
	return v.print("lifecycle", v.frame("Retention and holds", "lifecycle", v.cli("retention", "list")), &p)
}

// How long a plan, which reads the whole journal, may take: beside the rest of the page, and where it was asked for.
const (
	planBeside = 2 * time.Second
	planAsked  = 25 * time.Second
)

// fillClasses lists the classes with what a purge would destroy now.
func (v *visit) fillClasses(ctx context.Context, l *Lifecycle, p *page.Lifecycle) error {
	for _, c := range l.Retention.Classes() {
		p.Classes = append(p.Classes, page.RetentionClass{ClassPlan: retention.ClassPlan{Class: c}})
	}
	if right, _ := access.ForCommand("retention plan"); len(p.Classes) == 0 || !v.may(right) {
		return nil
	}
	patience := planBeside
	if v.r.URL.Query().Get("plan") == "now" {
		patience = planAsked
	}
	planning, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	plan, err := l.Retention.Plan(planning)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && patience == planBeside:
		p.PlanURL = "/lifecycle?plan=now"
		return nil
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return &problem{status: http.StatusServiceUnavailable, code: "unavailable", heading: "The journal is too long to be counted here",
			text: "What a purge would destroy is counted record by record.", advice: "tripod retention plan counts for as long as it takes."}
	case err != nil:
		return err
	}
	p.Planned, p.At, p.Position, p.Unclassed = true, plan.At, plan.Position, plan.Unclassed
	for i := range plan.Classes {
		p.Classes[i].ClassPlan = plan.Classes[i]
		p.Due += plan.Classes[i].Due
	}
	return nil
}

func (v *visit) fillPurges(ctx context.Context, l *Lifecycle, p *page.Lifecycle) error {
	ended, _, err := l.Retention.Ended(ctx)
	if err != nil {
		return err
	}
	p.Ended = ended
	purges, err := l.Purges(ctx)
	for _, done := range purges {
		p.Purges = append(p.Purges, page.ShowPurge(done))
	}
	return err
}

func (v *visit) fillCountdowns(ctx context.Context, l *Lifecycle, p *page.Lifecycle) error {
	if l.Countdowns == nil {
		return nil
	}
	r, err := l.Countdowns(ctx)
	if err != nil {
		return err
	}
	p.Counted, p.Without = r.At, r.Without
	for i := range r.Countdowns {
		p.Countdowns = append(p.Countdowns, page.Countdown{Countdown: r.Countdowns[i], Now: p.Now, Reads: p.Reads})
	}
	return nil
}

// disappearing is what disappears elsewhere soon and is not held here, for the overview.
func (v *visit) disappearing(ctx context.Context) (list []page.Attention, err error) {
	if v.deps.Lifecycle == nil || v.deps.Lifecycle.Countdowns == nil {
		return nil, nil
	}
	r, err := v.deps.Lifecycle.Countdowns(ctx)
	if err != nil {
		return nil, err
	}
	for i := range r.Countdowns {
		c := &r.Countdowns[i]
		if c.Soon == 0 && (c.Next.IsZero() || c.Next.After(v.deps.Now().Add(soon))) {
			continue
		}
		n, in := c.Objects-c.Held, page.Ago(v.deps.Now(), c.Next)
		text := fmt.Sprintf("%s: %s disappear there, the first %s, and are not held here", c.What, page.Count(int64(n)), in)
		if n == 1 {
			text = fmt.Sprintf("%s: 1 disappears there %s, and is not held here", c.What, in)
		}
		list = append(list, page.Attention{Grave: c.Soon > 0, Text: capital(text), URL: "/lifecycle#elsewhere", Link: "retention", At: c.Next, Due: true})
	}
	return list, nil
}

// fillHolds lists the holds with what who looks may do with each.
func (v *visit) fillHolds(ctx context.Context, l *Lifecycle, p *page.Lifecycle) error {
	list, err := l.Holds.List(ctx, v.person())
	if err != nil {
		return err
	}
	why := v.r.URL.Query().Get("hold")
	for _, h := range list {
		shown := page.ShowHold(h)
		shown.CSRF, shown.Reads = p.CSRF, p.Reads
		if !h.Veiled {
			shown.CaseURL, shown.WhyURL = page.CaseURL(h.Case), page.WhyURL(h.ID)
			v.mayWithHold(&shown)
			if h.ID == why {
				if err := v.fillWhy(ctx, &shown); err != nil {
					return err
				}
			}
		}
		if h.State == hold.Released {
			p.Over = append(p.Over, shown)
		} else {
			p.Holds = append(p.Holds, shown)
		}
	}
	return nil
}

// mayWithHold says what who looks may decide about a hold. The keeper decides; here nobody is shown a button that it refuses.
func (v *visit) mayWithHold(h *page.Hold) {
	if !v.may(access.ReleaseHold) {
		return
	}
	by := v.person().Identity()
	switch h.State {
	case hold.Active:
		h.MayAsk = !h.About(by)
	case hold.Releasing:
		h.MayKeep = true
		switch {
		case h.About(by):
			h.NotYou = "It is about you: its release is for others."
		case hold.Same(h.AskedBy, by):
			h.NotYou = "You asked for it: a second person releases it."
		default:
			h.MayRelease = true
		}
	}
}

// fillWhy opens what was said when a hold was set and when its release was asked for.
func (v *visit) fillWhy(ctx context.Context, h *page.Hold) error {
	desk, err := v.desk()
	if err != nil {
		return err
	}
	said, err := desk.Said(ctx, v.person(), h.Case, h.Seq, h.Last)
	if err != nil {
		return err
	}
	h.Why, h.WhyURL = said[h.Seq], ""
	if h.Last != h.Seq {
		h.WhyAsked = said[h.Last]
	}
	return nil
}

// fillNewHold is the form that sets a hold, as it was filled in, for the open matters that who looks takes part in.
func (v *visit) fillNewHold(ctx context.Context, p *page.Lifecycle) error {
	desk, err := v.desk()
	if err != nil {
		return err
	}
	cases, err := desk.List(ctx, v.person())
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	entered := func(name string) string {
		if text := v.entered(name); text != "" {
			return text
		}
		return q.Get(name) // of a link that says what is to be held
	}
	n := page.NewHold{Containers: entered("containers"), Records: entered("records"), Custodians: entered("custodians"), Reason: v.entered("reason"), From: v.entered("from"),
		Until: v.entered("until"), Shown: p.Wrong != nil || q.Has("case") || q.Has("containers") || q.Has("records")}
	n.Shown = n.Shown || n.Reason != ""
	for i := range cases {
		if c := &cases[i]; c.Kind == casebook.KindMatter && c.State == casebook.Open && !c.Hidden {
			words := c.ID
			if c.Reference != "" {
				words = fmt.Sprintf("%s, %s", c.ID, c.Reference)
			}
			n.Cases = append(n.Cases, page.Choice{Value: c.ID, Words: words, Chosen: c.ID == entered("case")})
		}
	}
	for _, s := range audit.Surfaces() {
		if !slices.Contains([]audit.Surface{audit.SurfaceTripod, audit.SurfaceUnknown}, s) {
			n.Surfaces = append(n.Surfaces, page.Choice{Value: string(s), Words: string(s), Chosen: v.wasEntered("surface", string(s))})
		}
	}
	if v.may(access.OpenCase) {
		n.MatterURL = "/cases/new"
	}
	p.New = n
	return nil
}
