package countdown

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// Report is what disappears, as of one moment.
type Report struct {
	At         time.Time   `json:"at"`
	WarnBefore string      `json:"warn_before"`
	Countdowns []Countdown `json:"countdowns"`
	// Without says what is not known, and what of evidence ending therefore is not.
	Without []string `json:"without,omitempty"`
}

// Countdown is one fact in one organisation.
type Countdown struct {
	Fact
	Org     string    `json:"organization,omitempty"`
	Period  string    `json:"period,omitempty"`
	Objects int       `json:"objects"` // that disappear within the horizon, as far as records tell of them
	Held    int       `json:"held"`    // of them, whose text is held as far as it was read
	More    bool      `json:"more,omitempty"`
	Next    time.Time `json:"next,omitzero"` // when the next that is not held disappears
	Soon    int       `json:"soon"`          // of those not held, that disappear before the time of warning is over
	Gone    int       `json:"gone"`          // that disappeared lately and were not held
	List    []Object  `json:"not_held,omitempty"`
}

// Object is a chat or a session that is not held whole.
type Object struct {
	Kind string    `json:"kind"` // "chat" or "session"
	ID   string    `json:"id"`
	Seq  uint64    `json:"record"` // the latest of it
	At   time.Time `json:"disappears"`
	Gone bool      `json:"gone,omitempty"`
	Held string    `json:"held"` // "part" or "nothing"
}

// States tells how content stands; a *content.Reader is one.
type States interface {
	State(ctx context.Context, container string, a content.Address) (content.State, error)
}

// Deps are what countdowns are told from.
type Deps struct {
	Reader  *reading.Reader
	Content States // nil: what a record refers to counts as held
	Now     func() time.Time
}

// How far countdowns look, and how much they look at.
const (
	ahead      = 30 * 24 * time.Hour // what disappears later is not listed
	lately     = 30 * 24 * time.Hour // what disappeared before is not listed
	mostAhead  = 1000                // objects of one countdown
	mostGone   = 200
	mostListed = 50
	mostRead   = 200 // records of one object
)

// Find tells what disappears. The error is a *reading.ViewError where a view cannot be read.
func Find(ctx context.Context, d Deps, warn time.Duration) (*Report, error) {
	if d.Now == nil {
		d.Now = time.Now
	}
	r := &Report{At: d.Now().UTC(), WarnBefore: warn.String()}
	view, err := d.Reader.Organisation(ctx)
	if err != nil {
		return nil, fmt.Errorf("find what disappears: %w", err)
	}
	settings, err := view.Settings(ctx)
	if err != nil {
		return nil, fmt.Errorf("find what disappears: %w", err)
	}
	if !organisation.Swept(settings) {
		r.Without = append(r.Without, "the settings in force are not read: whether an organisation has HIPAA readiness or periods of its own is not known")
	}
	for _, a := range apply(settings) {
		c, err := d.count(ctx, &a, r.At, warn)
		if err != nil {
			return nil, fmt.Errorf("find what disappears: %w", err)
		}
		r.Countdowns = append(r.Countdowns, *c)
	}
	return r, nil
}

// count counts one fact.
func (d *Deps) count(ctx context.Context, a *applies, now time.Time, warn time.Duration) (*Countdown, error) {
	c := &Countdown{Fact: a.fact, Org: a.org, Period: a.words}
	var all []Object
	if a.fact.ID != FactDeleted { // what was deleted is gone at once
		from := a.period.before(now)
		found, more, err := d.objects(ctx, a, from, earlier(now, a.period.before(now.Add(ahead))), true, mostAhead)
		if err != nil {
			return nil, err
		}
		all, c.More = found, more
	}
	gone, _, err := d.objects(ctx, a, a.period.before(now.Add(-lately)), a.period.before(now), false, mostGone)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, o := range slices.Concat(all, gone) {
		if seen[o.ID] || o.At.Before(now.Add(-lately)) {
			continue
		}
		seen[o.ID] = true
		if o, err = d.latest(ctx, a, o); err != nil {
			return nil, err
		}
		if o.At.After(now.Add(ahead)) {
			continue
		}
		if o.Held, err = d.held(ctx, &o); err != nil {
			return nil, err
		}
		c.add(o, now, warn)
	}
	slices.SortFunc(c.List, func(x, y Object) int {
		switch {
		case x.Gone != y.Gone && x.Gone:
			return 1
		case x.Gone != y.Gone:
			return -1
		case x.Gone:
			return y.At.Compare(x.At)
		}
		return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Seq, y.Seq))
	})
	if len(c.List) > mostListed {
		c.List = c.List[:mostListed]
	}
	return c, nil
}

// add counts one object.
func (c *Countdown) add(o Object, now time.Time, warn time.Duration) {
	o.Gone = !o.At.After(now)
	if !o.Gone {
		c.Objects++
	}
	switch {
	case o.Held == "whole":
		if !o.Gone {
			c.Held++
		}
		return
	case o.Gone:
		c.Gone++
	default:
		if c.Next.IsZero() || o.At.Before(c.Next) {
			c.Next = o.At
		}
		if o.At.Before(now.Add(warn)) {
			c.Soon++
		}
	}
	c.List = append(c.List, o)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// objects lists those of a fact whose records occurred in a time, each by its latest record there.
func (d *Deps) objects(ctx context.Context, a *applies, from, until time.Time, oldest bool, most int) (list []Object, more bool, err error) {
	text := "source:" + string(a.fact.kind) + " type:" + a.fact.object + " after:" + from.UTC().Format(time.RFC3339) + " before:" + until.UTC().Add(time.Second).Format(time.RFC3339)
	for i, s := range a.fact.surfaces {
		if i == 0 {
			text += " surface:"
		} else {
			text += ","
		}
		text += string(s)
	}
	if a.org != "" {
		text += " org:" + search.Quote(a.org)
	}
	q, err := search.Parse(text, d.Now())
	if err != nil {
		return nil, false, err
	}
	at := make(map[string]int)
	for page := (search.Page{Limit: 200, Oldest: oldest}); ; {
		found, err := d.Reader.Find(ctx, q, page)
		if err != nil {
			return nil, false, err
		}
		for i := range found.Items {
			o, ok := a.objectOf(&found.Items[i])
			if !ok {
				continue
			}
			if j, known := at[o.ID]; known {
				if o.Seq > list[j].Seq {
					list[j] = o
				}
				continue
			}
			if len(list) == most {
				return list, true, nil
			}
			at[o.ID] = len(list)
			list = append(list, o)
		}
		if page.Cursor = found.Next; page.Cursor == "" {
			return list, false, nil
		}
	}
}

// latest is an object as it was told last: what has changed since begins its period anew.
func (d *Deps) latest(ctx context.Context, a *applies, o Object) (Object, error) {
	if a.fact.ID == FactDeleted {
		return o, nil
	}
	q, err := search.Parse("source:"+string(a.fact.kind)+" type:"+a.fact.object+" "+o.Kind+":"+search.Quote(o.ID), d.Now())
	if err != nil {
		return o, err
	}
	found, err := d.Reader.Find(ctx, q, search.Page{Limit: 1})
	if err != nil || len(found.Items) == 0 {
		return o, err
	}
	if last, ok := a.objectOf(&found.Items[0]); ok {
		o = last
	}
	return o, nil
}

// objectOf reads what disappears from its record.
func (a *applies) objectOf(item *reading.Item) (Object, bool) {
	r := item.Record
	if r == nil {
		return Object{}, false
	}
	o := Object{Kind: "chat", ID: r.Keys.Chat, Seq: item.Seq}
	if a.fact.kind == audit.SourceComplianceSession {
		o.Kind, o.ID = "session", r.Keys.Session
	}
	begins := r.Occurred
	if made, err := time.Parse(time.RFC3339Nano, attr(r, "created_at")); a.fact.created && err == nil {
		begins = made
	}
	o.At = a.period.after(begins).UTC()
	return o, o.ID != ""
}

func attr(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Str()
}

// held tells how much is held of what people and models wrote in an object, as far as any source told of it: "whole", "part" or
// "nothing".
func (d *Deps) held(ctx context.Context, o *Object) (string, error) {
	q, err := search.Parse(o.Kind+":"+search.Quote(o.ID), d.Now())
	if err != nil {
		return "", err
	}
	found, err := d.Reader.Find(ctx, q, search.Page{Limit: mostRead})
	if err != nil {
		return "", err
	}
	texts, have := 0, 0
	for i := range found.Items {
		r := found.Items[i].Record
		if r == nil {
			texts++ // it was erased: what it held is not held
			continue
		}
		for _, c := range r.Content {
			if c.Class != audit.ClassText {
				continue
			}
			texts++
			ok, err := d.there(ctx, r.Container, c.Address)
			if err != nil {
				return "", err
			}
			if ok {
				have++
			}
		}
	}
	switch {
	case have == 0:
		return "nothing", nil
	case have < texts:
		return "part", nil
	}
	return "whole", nil
}

func (d *Deps) there(ctx context.Context, container, address string) (bool, error) {
	if address == "" || d.Content == nil {
		return address != "", nil
	}
	state, err := d.Content.State(ctx, container, content.Address(address))
	return state == content.Held, err
}
