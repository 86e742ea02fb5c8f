package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/health"
)

// unreached is what has become of a thing that is missing because an organisation is out of reach. It makes no record.
const unreached = "unreached"

// errTwoKeys: a reading that two keys had a part in may show two reaches.
var errTwoKeys = errors.New("another key came into use meanwhile: it is read once more")

// OneKey is the error of a reading in which the key was replaced, told by api.Client.KeyChanges before it and after it.
func OneKey(before, after int) error {
	if before != after {
		return errTwoKeys
	}
	return nil
}

// reach takes the organisations that are missing. A key of one organisation in the place of one of their parent makes the
// others vanish, and nobody in them has left.
func (d *difference) reach(missing []string) {
	d.unreached = missing
	d.narrowed = slices.ContainsFunc(missing, func(org string) bool { return !slices.Contains(d.c.st.Without, org) })
}

// within leaves out of what is missing in a list what may be out of reach: of a list that no organisation holds, what went
// missing with one. What was there after that, and is missing now, is gone.
func (d *difference) within(list string, missing []string) (rest []string) {
	if len(d.unreached) == 0 || strings.HasPrefix(list, d.r.Reach+"/") {
		return missing
	}
	for _, id := range missing {
		was := d.c.known[list][id]
		switch {
		case was.Out:
		case d.narrowed:
			d.remember(list, id, entry{N: was.N, Is: was.Is, Out: true})
		default:
			rest = append(rest, id)
		}
	}
	return rest
}

// remember notes what is worth no record.
func (d *difference) remember(list, id string, next entry) {
	d.changes = append(d.changes, Change{List: list, ID: id, What: unreached, next: next})
}

// lists names the organisations that were not read, as statements name lists.
func (d *difference) lists() (names []string) {
	for _, org := range d.unreached {
		names = append(names, d.r.Reach+"/"+org)
	}
	return names
}

// tellReach raises or clears the condition that organisations are out of reach.
func (c *Collector) tellReach(ctx context.Context) {
	code, n := "compliance."+c.cfg.Part+".out_of_reach", len(c.st.Unreached)
	if n == 0 {
		c.deps.Health.Clear(code)
		return
	}
	c.deps.Health.Raise(code, health.Warning, fmt.Sprintf("the key does not reach %s any more that an earlier reading of %s showed: the key is another one, or they were unlinked or deleted. "+
		"What was known of them stands, and nobody in them counts as gone. Put a key of the whole parent in place; where they are gone for good, what is known of them stays as it was",
		organisations(n), c.cfg.What))
	c.log.DebugContext(ctx, "organisations are out of reach", "part", c.cfg.Part, "organizations", c.st.Unreached)
}

func organisations(n int) string {
	if n == 1 {
		return "one organisation"
	}
	return fmt.Sprintf("%d organisations", n)
}
