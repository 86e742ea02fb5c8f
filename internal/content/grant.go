package content

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Terms say what a grant allows.
type Terms struct {
	Purpose string // why, for the record: "access request", "detection", …
	Case    string // id of the case; empty for a machine grant
	Who     string // who opens: an account of the console, or the view of a machine grant
	// Class is the most sensitive class that may be opened.
	Class audit.Class
	// Containers are those whose blocks may be opened. Any allows all of them instead; it is for machine grants.
	Containers []string
	Any        bool
	Expires    time.Time // the grant opens nothing from then on
	// Record is called before each opening, with what is about to be opened. If it fails, nothing is opened.
	Record func(context.Context, Opening) error
}

// Opening is what a grant records.
type Opening struct {
	Purpose, Case, Who string
	Class              audit.Class
	Container          string
	Address            Address
	Disclosed          bool // with the opening of its commitment, so that others can verify it
}

// Grant allows to open content, and records that it was. It is opaque and immutable; the zero Grant opens nothing.
type Grant struct {
	terms *Terms
	class audit.Class // of what is about to be opened
}

// NewGrant makes a grant. It refuses terms that leave open who opens, why, until when, what, or where it is recorded.
func NewGrant(t Terms) (Grant, error) {
	var missing []error
	check := func(ok bool, what string) {
		if !ok {
			missing = append(missing, errors.New(what))
		}
	}
	check(t.Purpose != "", "no purpose")
	check(t.Who != "", "nobody who opens")
	check(t.Class == audit.ClassDetail || t.Class == audit.ClassText, "class is neither detail nor text")
	check(t.Any != (len(t.Containers) > 0), "want containers, or any")
	check(!t.Any || t.Case == "", "a case names its containers")
	check(!t.Expires.IsZero(), "no expiry")
	check(t.Record != nil, "no recorder")
	if err := errors.Join(missing...); err != nil {
		return Grant{}, fmt.Errorf("make grant: %w", err)
	}
	t.Containers = slices.Clone(t.Containers)
	return Grant{terms: &t, class: audit.ClassText}, nil
}

// For returns the grant for blocks of one class, which the record that names them tells. Without it a block counts as
// text, the most sensitive class.
func (g Grant) For(class audit.Class) Grant {
	g.class = class
	return g
}

// use checks the grant and records the opening.
func (g Grant) use(ctx context.Context, container string, a Address, disclosed bool) error {
	t := g.terms
	switch {
	case t == nil:
		return fmt.Errorf("%w: no grant", ErrRefused)
	case !time.Now().Before(t.Expires):
		return fmt.Errorf("%w: the grant expired at %s", ErrRefused, t.Expires.UTC().Format(time.RFC3339))
	case g.class != audit.ClassDetail && g.class != audit.ClassText:
		return fmt.Errorf("%w: %q is no class of content", ErrRefused, g.class)
	case !t.Class.Allows(g.class):
		return fmt.Errorf("%w: the grant is for %s, the block is %s", ErrRefused, t.Class, g.class)
	case !t.Any && !slices.Contains(t.Containers, container):
		return fmt.Errorf("%w: the grant is for other containers", ErrRefused)
	}
	err := t.Record(ctx, Opening{
		Purpose: t.Purpose, Case: t.Case, Who: t.Who, Class: g.class, Container: container, Address: a, Disclosed: disclosed,
	})
	if err != nil {
		return fmt.Errorf("%w: it could not be recorded: %w", ErrRefused, err)
	}
	return nil
}
