package timeline

import (
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Owner is one account that a session's clients assert, and what credentials prove of it.
type Owner struct {
	Value  string   // as asserted; "" where a credential proves one and the client says nothing
	Other  []string // what credentials prove instead
	Proved int64    // records whose credential proves the same
	Of     int64    // records that assert it
}

// mostOwners bounds how many accounts, credentials and devices are named as a session's; Accounts holds the rest.
const mostOwners = 4

// Owners finds whose session it is, record by record: by the e-mail address if any is told, else by the next best name.
// The second value counts records of accounts left out.
func (t *Timeline) Owners() (list []Owner, left int) {
	for _, name := range []func(*audit.Identity) string{
		func(id *audit.Identity) string { return id.Email }, func(id *audit.Identity) string { return id.User },
		func(id *audit.Identity) string { return id.UUID }, func(id *audit.Identity) string { return id.Subject },
		func(id *audit.Identity) string { return id.Service }, func(id *audit.Identity) string { return id.OSUser },
	} {
		if list, left = owners(t.Items, name); len(list) > 0 {
			break
		}
	}
	return list, left
}

// Credentials names the credentials that delivered the session, at most four.
func (t *Timeline) Credentials() []string { return firstOf(t.Accounts.Proved, "credential") }

// Devices names the devices that clients assert, at most four.
func (t *Timeline) Devices() []string { return firstOf(t.Accounts.Asserted, "device") }

func firstOf(list []Identifier, field string) (values []string) {
	for _, id := range list {
		if id.Field == field && len(values) < mostOwners {
			values = append(values, id.Value)
		}
	}
	return values
}

func owners(items []Item, name func(*audit.Identity) string) (list []Owner, left int) {
	at := make(map[string]int)
	for i := range items {
		a := &items[i].Record.Account
		asserted, proved := name(&a.Asserted), name(&a.Proved)
		if asserted == "" && proved == "" {
			continue
		}
		n, ok := at[asserted]
		if !ok {
			if len(list) == mostOwners {
				at[asserted] = -1
				left++
				continue
			}
			n = len(list)
			at[asserted], list = n, append(list, Owner{Value: asserted})
		}
		if n >= 0 {
			list[n].count(asserted, proved)
		}
	}
	return folded(list), left
}

// folded leaves out who is only proved by one source where another source's client asserts, and its credential proves, the same.
func folded(list []Owner) []Owner {
	return slices.DeleteFunc(list, func(o Owner) bool {
		return o.Value == "" && !slices.ContainsFunc(o.Other, func(proved string) bool {
			return !slices.ContainsFunc(list, func(same Owner) bool { return same.Value == proved && same.Proved > 0 })
		})
	})
}

func (o *Owner) count(asserted, proved string) {
	o.Of++
	switch {
	case proved == "":
	case proved == asserted:
		o.Proved++
	case len(o.Other) < mostOwners && !slices.Contains(o.Other, proved):
		o.Other = append(o.Other, proved)
	}
}
