package complianceapi

import (
	"context"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Records of what Tripod itself does with the API, so that the feed's own compliance_api_accessed can be reconciled.
const (
	TypeRequests = "tripod.compliance.requests" // requests that were sent, with their ids
	TypeKey      = "tripod.compliance.key"      // a key was taken into use
)

// call is a request that was sent. One without an id got no answer, and may have reached the server all the same.
type call struct {
	At     time.Time `json:"at"`
	Status int       `json:"status,omitempty"`
	ID     string    `json:"id,omitempty"`
}

// Requests go on record some at a time: a poll that finds nothing is worth no record of its own.
const (
	mostCalls  = 60
	callsAfter = 5 * time.Minute
)

func (c *Collector) observe(made api.Call) {
	c.calls = append(c.calls, call{At: made.At.UTC(), Status: made.Status, ID: made.RequestID})
	c.stats.requested(made.Status)
}

// recordOwn puts keys taken into use and requests made on record, where there are enough of them or all is asked for.
func (c *Collector) recordOwn(ctx context.Context, all bool) error {
	for len(c.keys) > 0 {
		err := c.act(ctx, c.st.clone(), intake.Act{
			Type: TypeKey, Activity: audit.ActivityOperation, Account: c.self(), Attributes: audit.Attrs{text("kind", c.keys[0]), text("host", c.client.Host())},
		})
		if err != nil {
			return err
		}
		c.keys = c.keys[1:]
	}
	for {
		made := c.made()
		if len(made) == 0 || !all && len(made) < mostCalls && time.Since(made[0].At) < callsAfter {
			return nil
		}
		made = made[:min(len(made), mostCalls)]
		next := c.st.clone()
		kept := min(len(next.Calls), len(made))
		next.Calls = next.Calls[kept:]
		if err := c.act(ctx, next, c.requests(made)); err != nil {
			return err
		}
		c.calls = c.calls[len(made)-kept:]
	}
}

// made are the calls that are not on record, oldest first.
func (c *Collector) made() []call {
	return append(c.st.Calls[:len(c.st.Calls):len(c.st.Calls)], c.calls...)
}

func (c *Collector) requests(made []call) intake.Act {
	var ids []audit.Value
	refused, unanswered := int64(0), int64(0)
	for _, m := range made {
		if m.ID != "" {
			ids = append(ids, audit.String(m.ID))
		}
		switch {
		case m.Status == 0:
			unanswered++
		case m.Status != 200:
			refused++
		}
	}
	return intake.Act{Type: TypeRequests, Activity: audit.ActivityOperation, Account: c.self(), Attributes: audit.Attrs{
		text("feed", "compliance.activity"), text("host", c.client.Host()), text("from", stamp(made[0].At)), text("to", stamp(made[len(made)-1].At)),
		count("requests", int64(len(made))), count("refused", refused), count("unanswered", unanswered),
		{Name: "request_ids", Value: audit.Array(ids...)},
	}}
}
