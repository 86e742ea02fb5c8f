package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/reading"
)

// ofCases are the beginnings of the types of own acts that tell what a case is about.
var ofCases = []string{"tripod.case.", "tripod.grant.", "tripod.hold.", "tripod.content.open", "tripod.notice."}

// attrSealed stands in the place of everything else that an act of a case says, for who does not see the case.
const attrSealed = "tripod.sealed"

// seals reports of records whether they tell of a case that who looks does not see: one they take no part in, one that is
// about them, a privileged matter. It asks once for each case.
func (v *visit) seals() func(*audit.Record) bool {
	known := make(map[string]bool)
	return func(r *audit.Record) bool {
		if v.deps.Desk == nil || r == nil || r.Source != audit.SourceTripod || r.Case == "" ||
			!slices.ContainsFunc(ofCases, func(prefix string) bool { return strings.HasPrefix(r.Type, prefix) }) {
			return false
		}
		sealed, ok := known[r.Case]
		if !ok {
			c, _, err := v.deps.Desk.Peek(v.r.Context(), v.person(), r.Case)
			sealed = err != nil || c.Hidden
			known[r.Case] = sealed
		}
		return sealed
	}
}

// seal leaves of what stands in a list and tells of such a case that it happened, and when.
func seal(item *reading.Item, seals func(*audit.Record) bool) {
	r := item.Record
	if !seals(r) {
		return
	}
	item.Record = &audit.Record{
		Version: r.Version, ID: r.ID, Normaliser: r.Normaliser, Source: r.Source, Surface: r.Surface, Activity: r.Activity, Type: r.Type, Outcome: r.Outcome,
		Occurred: r.Occurred, Observed: r.Observed, Recorded: r.Recorded, Attributes: audit.Attrs{{Name: attrSealed, Value: audit.Bool(true)}},
	}
	item.Bytes = item.Record.AppendCanonical(nil)
}

// errSealed refuses one record that tells of a case that who looks does not see.
func errSealed(seq uint64) error {
	return &problem{status: http.StatusForbidden, code: "forbidden", heading: "Not for you to see", text: fmt.Sprintf("Record %d tells of a case that you do not see.", seq),
		advice: "Who takes part in the case sees it, and a privacy officer unless the matter is privileged."}
}

// unseen tells of which cases who reads the log of who looked may not even know: those about themselves. Who is bound to certain
// cases reads the log of all.
func (v *visit) unseen() func(string) bool {
	if v.deps.Desk == nil || v.person().Cases != nil {
		return nil
	}
	known := make(map[string]bool)
	return func(id string) bool {
		is, ok := known[id]
		if !ok {
			_, _, err := v.deps.Desk.Peek(v.r.Context(), v.person(), id)
			is = errors.Is(err, casebook.ErrUnknown)
			known[id] = is
		}
		return is
	}
}
