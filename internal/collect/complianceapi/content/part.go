package content

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
)

// part is one list of the API, and what can be read inside its objects.
type part struct {
	name  string // in conditions and metrics
	says  string // in words
	feed  string // in statements and cursors
	kind  normalise.Kind
	every time.Duration
	limit int // objects asked for at once
	// since is from when on a round asks. Once a day it is a whole one.
	since func(st *state, now time.Time, whole bool) time.Time
	list  func(ctx context.Context, c *api.Client, since time.Time, limit int, page string) (api.Listing, error)
	// finds: the list is of what leads to objects, and is on record already.
	finds bool
	// resumes: the list is walked on where the last round ended, not from its beginning.
	resumes bool
	// rereads: in a whole round the inside of every object is read, since a change of it may not show in the object.
	rereads bool
	// settles: what is said in an object may show later than that the object changed.
	settles bool
	// inside is what is to be read in an object, given up to which class the policy keeps its content.
	inside func(o object) []item
}

// object is one that a list shows.
type object struct {
	raw     json.RawMessage
	id      string
	subject normalise.Subject
	level   audit.Class
	fresh   bool // it changed so lately that more of it may show
}

// parts lists what is read.
func parts(cfg Config) []part {
	return []part{localSessions(cfg), remoteSessions(cfg), chats(cfg), projects(cfg), codeArtifacts(cfg), uploads(cfg)}
}
