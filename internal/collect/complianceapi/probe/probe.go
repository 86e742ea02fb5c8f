// Package probe asks the Compliance API what a key may do: a handful of cheap GET requests, each of one row, and never a
// DELETE. It stores nothing; its requests are to be put on record by who calls it, as any other, through the options of the
// client. A refusal is an answer, not an error. Everything in it is safe for concurrent use.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-api-access.
package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Parts of the API, each by the scope it needs.
const (
	Feed      = "activity feed"
	Content   = "content"
	Directory = "directory"
	Settings  = "settings" // the same scope; the route is enabled for each parent apart
)

// Report is what was found out about one key.
type Report struct {
	Kind  string `json:"kind"`            // by its prefix
	ID    string `json:"id,omitempty"`    // the vendor's, where it could be told which of the listed keys it is
	Label string `json:"label,omitempty"` // the name it was given, likewise
	// Scopes are the key's, where the API tells them: in a refusal, or in the list of keys that settings have.
	Scopes []string  `json:"scopes,omitempty"`
	Reach  []Reach   `json:"reach"`
	Feed   *FeedSeen `json:"feed,omitempty"` // where the feed can be read
	// Organizations is how many the directory lists; 0 where it cannot be read.
	Organizations int           `json:"organizations,omitempty"`
	ClockAhead    time.Duration `json:"clock_ahead_ns,omitempty"` // this machine's clock against the server's
	ClockKnown    bool          `json:"clock_known"`
}

// Reach is whether one part can be read.
type Reach struct {
	Part   string `json:"part"`
	Scope  string `json:"scope"` // that it needs
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"` // as trouble.Diagnose tells it
	Text   string `json:"text,omitempty"`   // what the server said; never the key
}

// FeedSeen is what the feed's newest row tells.
type FeedSeen struct {
	Newest time.Time `json:"newest,omitzero"` // zero where the feed is empty
	Behind string    `json:"behind,omitempty"`
}

// Can reports whether a part can be read.
func (r *Report) Can(part string) bool {
	return slices.ContainsFunc(r.Reach, func(x Reach) bool { return x.Part == part && x.OK })
}

// Reason is why a part cannot be read.
func (r *Report) Reason(part string) Reach {
	if i := slices.IndexFunc(r.Reach, func(x Reach) bool { return x.Part == part }); i >= 0 {
		return r.Reach[i]
	}
	return Reach{Part: part}
}

// Read asks what a key may read. known are the vendor's ids of keys that are ours; o is what the client is made of, but
// for the key.
func Read(ctx context.Context, o api.Options, key secret.String, known []string) (Report, error) {
	c, r, err := client(o, key)
	if err != nil {
		return Report{}, err
	}
	defer c.Close()
	p := &prober{client: c, report: r}
	p.feed(ctx)
	p.ask(Content, api.ScopeUserData, func() error {
		_, err := c.Chats(ctx, time.Time{}, 1, "", api.Feed)
		return err
	})
	p.directory(ctx, known)
	p.end()
	return *r, nil
}

// Delete asks what a deleting key may read, which should be nothing; the refusal names its scopes.
func Delete(ctx context.Context, o api.Options, key secret.String) (Report, error) {
	c, r, err := client(o, key)
	if err != nil {
		return Report{}, err
	}
	defer c.Close()
	p := &prober{client: c, report: r}
	p.feed(ctx)
	p.end()
	return *r, nil
}

func client(o api.Options, key secret.String) (*api.Client, *Report, error) {
	r := &Report{Kind: api.Kind(key)}
	o.Key = func(context.Context) (secret.String, error) { return key, nil }
	o.KeyLoaded, o.Attempts = nil, 1
	o.Scopes = func(list []string) { r.Scopes = list }
	c, err := api.New(o)
	return c, r, err
}

type prober struct {
	client *api.Client
	report *Report
}

// ask asks one thing and notes whether it may be read.
func (p *prober) ask(part, scope string, f func() error) bool {
	reach := Reach{Part: part, Scope: scope}
	if err := f(); err != nil {
		reach.Reason, reach.Text = trouble.Diagnose(err), err.Error()
	} else {
		reach.OK = true
	}
	p.report.Reach = append(p.report.Reach, reach)
	return reach.OK
}

func (p *prober) feed(ctx context.Context) {
	var page api.Page
	ok := p.ask(Feed, api.ScopeActivities, func() (err error) {
		page, err = p.client.Activities(ctx, api.Query{Limit: 1}, api.Feed)
		return err
	})
	if !ok {
		return
	}
	p.report.Feed = &FeedSeen{}
	var row struct {
		Created time.Time `json:"created_at"`
	}
	if len(page.Rows) > 0 && json.Unmarshal(page.Rows[0], &row) == nil && !row.Created.IsZero() {
		p.report.Feed.Newest = row.Created.UTC()
		if now, _, ok := p.client.Now(); ok {
			p.report.Feed.Behind = max(now.Sub(row.Created), 0).Round(time.Second).String()
		}
	}
}

// directory asks for the organisations and, of the first that tells, for the keys of their parent.
func (p *prober) directory(ctx context.Context, known []string) {
	var orgs api.Listing
	ok := p.ask(Directory, api.ScopeOrgData, func() (err error) {
		orgs, err = p.client.Organizations(ctx, "", api.Feed)
		return err
	})
	if !ok { // the settings need the same scope, and an organisation to ask for
		reach := p.report.Reason(Directory)
		reach.Part = Settings
		p.report.Reach = append(p.report.Reach, reach)
		return
	}
	p.report.Organizations = len(orgs.Rows)
	var settings api.Settings
	if len(orgs.Rows) > 0 && p.ask(Settings, api.ScopeOrgData, func() (err error) { settings, err = p.settings(ctx, orgs.Rows); return err }) {
		p.report.identify(settings.Keys, known)
	}
}

const mostOrganizations = 3 // that are asked for settings

var errNoID = errors.New("no organisation that is listed has an id")

// settings asks for those of the first organisation that tells.
func (p *prober) settings(ctx context.Context, orgs []json.RawMessage) (s api.Settings, err error) {
	err = errNoID
	for _, raw := range orgs[:min(len(orgs), mostOrganizations)] {
		var org struct {
			UUID string `json:"uuid"`
		}
		if json.Unmarshal(raw, &org) != nil || org.UUID == "" {
			continue
		}
		if s, err = p.client.Settings(ctx, org.UUID, api.Feed); err == nil {
			return s, nil
		}
	}
	// The route is enabled for each parent apart, and the parent itself is no target.
	var refused *api.Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound && !refused.KeyRefused() {
		err = fmt.Errorf("%w: %w", trouble.ErrNotGranted, err)
	}
	return s, err
}

// identify finds the key in the list of the parent's, where only one of those that are ours is active.
func (r *Report) identify(listed []json.RawMessage, known []string) {
	type entry struct {
		ID     string   `json:"id"`
		Name   string   `json:"name"`
		Scopes []string `json:"scopes"`
		Active bool     `json:"is_active"`
	}
	var found []entry
	for _, raw := range listed {
		var e entry
		if json.Unmarshal(raw, &e) == nil && e.Active && slices.Contains(known, e.ID) {
			found = append(found, e)
		}
	}
	if len(found) == 1 {
		r.ID, r.Label, r.Scopes = found[0].ID, found[0].Name, found[0].Scopes
	}
}

func (p *prober) end() {
	_, p.report.ClockAhead, p.report.ClockKnown = p.client.Now()
}
