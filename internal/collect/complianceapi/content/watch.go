package content

import (
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
)

// newWatch tells of trouble with a part, as for the activity feed.
func newWatch(p part, cfg Config, deps Deps) (*trouble.Watch, error) {
	return trouble.New(trouble.Config{
		Part: p.name, Feed: p.feed, What: p.says, Scope: "read:compliance_user_data", Credential: cfg.Credential, Host: deps.Client.Host(),
	}, trouble.Deps{Door: deps.Door, Cursors: deps.Cursors, Health: deps.Health, Logger: deps.Logger})
}
