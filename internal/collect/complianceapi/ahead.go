package complianceapi

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/intake"
)

// read is a page with what was made of it.
type read struct {
	api.Page // without its rows
	drafts   []intake.Draft
	ids      [][16]byte // digests of the drafts' ids
	switches []*normalise.Switch
	setting  time.Time // when a setting was changed last; zero where none was
}

// make makes drafts of the rows of a page.
func (c *Collector) make(page api.Page) read {
	now, _, _ := c.client.Now()
	o := normalise.Origin{Credential: c.cfg.Credential, Received: now, Salt: c.st.Salt}
	r := read{Page: page, drafts: make([]intake.Draft, 0, len(page.Rows)), ids: make([][16]byte, 0, len(page.Rows))}
	for _, raw := range page.Rows {
		a := c.norm.Activity(raw, o)
		r.drafts = append(r.drafts, Draft(a.Draft))
		id := sha256.Sum256([]byte(a.Draft.Record.ID))
		r.ids = append(r.ids, [16]byte(id[:]))
		if a.Switch != nil {
			r.switches = append(r.switches, a.Switch)
		}
		if rec := a.Draft.Record; rec.Activity == audit.ActivitySettingChange && rec.Occurred.After(r.setting) {
			r.setting = rec.Occurred
		}
	}
	r.Rows = nil
	return r
}

// ahead is the next page of the window being read. It is fetched while the page before it is made durable and while polls
// go on: neither a slow answer nor a wait for the budget keeps what happens now from being read. Rows wait as they came:
// drafts take ten times their memory. It is of use only to who asks for the page that follows what is durable then;
// otherwise it is dropped, and the page asked for again.
type ahead struct {
	query  api.Query
	cancel context.CancelFunc
	done   chan struct{}
	page   api.Page // once done is closed
	err    error    // likewise
}

// fetchAhead begins to fetch a page, unless that is what is being fetched.
func (c *Collector) fetchAhead(ctx context.Context, q api.Query, p api.Priority) {
	if c.ahead != nil && c.ahead.is(q) {
		return
	}
	c.drop()
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{query: q, cancel: cancel, done: make(chan struct{})}
	go func() { // ends with its request, or with drop, which waits for it
		defer close(a.done)
		a.page, a.err = c.client.Activities(ctx, q, p)
	}()
	c.ahead = a
}

func (a *ahead) is(q api.Query) bool {
	return a.query.From.Equal(q.From) && a.query.To.Equal(q.To) && a.query.After == q.After && a.query.Limit == q.Limit
}

// came waits for the page, and reports false where a poll is due before it came.
func (a *ahead) came(poll time.Time) bool {
	t := time.NewTimer(time.Until(poll))
	defer t.Stop()
	select {
	case <-a.done:
		return true
	case <-t.C:
		return false
	}
}

// take gives the page, which came.
func (c *Collector) take() (api.Page, error) {
	a := c.ahead
	c.drop()
	return a.page, a.err
}

// drop lets go of a page that was fetched ahead.
func (c *Collector) drop() {
	if a := c.ahead; a != nil {
		a.cancel()
		<-a.done
		c.ahead = nil
	}
}
