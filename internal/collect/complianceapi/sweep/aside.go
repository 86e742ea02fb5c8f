package sweep

import (
	"context"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
)

// mostFailing is how many lists of a kind may get no answer in a row before the others of it are not asked for any more:
// then it is the route, or the server.
const mostFailing = 5

// failing is how many lists of a kind got no answer in a row, and the last reason.
type failing struct {
	n   int
	why error
}

// Try reads a list by read. One that cannot be read is set aside: what is known of it stands, the sweep goes on with the
// others, and ok is false. An error is trouble that every list has: of the key, of the budget, of our own side.
func (r *Reading) Try(ctx context.Context, name string, read func() error) (ok bool, err error) {
	kind := kindOf(name)
	f := r.failing[kind]
	if f.n >= mostFailing {
		r.Unread(name, f.why)
		return false, nil
	}
	switch err = read(); {
	case err == nil:
		delete(r.failing, kind)
		return true, nil
	case ctx.Err() != nil || !ofOneList(err):
		return false, err
	}
	var e *api.Error
	if errors.As(err, &e) && (e.Status == 0 || e.Status >= 500) {
		r.failing[kind] = failing{f.n + 1, err}
	}
	r.Unread(name, err)
	return false, nil
}

// Trouble is why the first list that was set aside could not be read; nil where all were read.
func (r *Reading) Trouble() error { return r.trouble }

// ofOneList tells whether an error may be the matter of one list.
func ofOneList(err error) bool {
	switch trouble.Diagnose(err) {
	case "forbidden", "refused", "not_granted", "unavailable", "unreachable", "malformed":
		return true
	}
	return false
}

// partialTrouble words why some lists could not be read, where the reason would sound as if none could.
func partialTrouble(why error) error {
	if why == nil {
		return nil
	}
	switch trouble.Diagnose(why) {
	case "refused", "unreachable", "malformed":
		return fmt.Errorf("%w: %w", trouble.ErrPartial, why)
	}
	return why
}
