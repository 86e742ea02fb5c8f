package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/access"
)

// open registers what nobody needs to be signed in for.
func (c *Console) open(mux *http.ServeMux, pattern string, h http.Handler) {
	if right := c.doorOf(pattern); right != access.Anybody && right != "" {
		c.unlisted = append(c.unlisted, fmt.Errorf("%s asks for %s and is registered without", pattern, right))
	}
	mux.Handle(pattern, h)
}

// doorOf is the right that a pattern asks for by the table. One that stands in no line makes New fail.
func (c *Console) doorOf(pattern string) access.Right {
	c.patterns = append(c.patterns, pattern)
	right, ok := access.ForRoute(pattern)
	if !ok {
		c.unlisted = append(c.unlisted, fmt.Errorf("%s stands in no line of the table of rights", pattern))
	}
	return right
}

// Routes lists the patterns that something is registered for, in order.
func (c *Console) Routes() []string { return slices.Sorted(slices.Values(c.patterns)) }

// person is who asks.
func (v *visit) person() *access.Person { return v.who.person }

// may reports whether who asks holds a right: what they may not see, a page leaves out.
func (v *visit) may(r access.Right) bool { return v.who.person.May(r) }

// door is what is asked for, and the right it takes.
type door struct {
	pattern string
	right   access.Right
}

// admit lets somebody through who holds the right and, where the right asks for it, signed in lately.
func (v *visit) admit(d door) error {
	if err := v.person().Allow(d.right); err != nil {
		return v.refuse(d.pattern, err)
	}
	if (access.StepUp(d.right) || access.FreshFor(d.pattern)) && !v.fresh() {
		return errStale
	}
	return nil
}

// errStale says that the sign-in is too old for what was asked.
var errStale = errors.New("this asks for a fresh sign-in")

// fresh reports whether who asks proved lately who they are.
func (v *visit) fresh() bool { return v.deps.SignIn.Fresh(v.person()) == nil }

// refuse is the answer to who lacks a right. It is the same whether or not there is what they asked for, and on record once
// in a while.
func (v *visit) refuse(pattern string, err error) error {
	if key := "refused " + pattern; !v.who.opened.has(key, v.deps.Now()) {
		v.deps.SignIn.Refused(v.r.Context(), v.person(), pattern, "right", from(v.r))
		v.who.opened.remember(key, v.deps.Now())
	}
	p := forbidden(err)
	if v.may(access.WriteSettings) {
		p.advice = "You are an administrator: give the role to who needs it under access.roles or access.local of the configuration. docs/access.md says how."
	}
	return p
}

// forbidden shows who may.
func forbidden(err error) *problem {
	text := strings.TrimPrefix(err.Error(), access.ErrForbidden.Error()+": ")
	return &problem{status: http.StatusForbidden, code: "forbidden", heading: "Not for your roles", text: text + ".",
		advice: "Who needs it asks an administrator for the role."}
}
