package page

import (
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/timeline"
)

// Owner is one account that a session's clients assert, and what credentials prove of it.
type Owner struct {
	Value  string   // as asserted; "" where a credential proves one and the client says nothing
	Other  []string // what credentials prove instead
	Proved int64    // records whose credential proves the same
	Of     int64    // records that assert it
}

// mostOwners bounds how many accounts the head of a page names; the rest is in the account's own card.
const mostOwners = 4

// AddOwners finds whose session it is, record by record: by the e-mail address if any is told, else by the next best name.
func (s *Session) AddOwners() {
	for _, name := range []func(*audit.Identity) string{
		func(id *audit.Identity) string { return id.Email }, func(id *audit.Identity) string { return id.User },
		func(id *audit.Identity) string { return id.UUID }, func(id *audit.Identity) string { return id.Subject },
		func(id *audit.Identity) string { return id.Service }, func(id *audit.Identity) string { return id.OSUser },
	} {
		if s.Owners, s.OwnersLeft = owners(s.T.Items, name); len(s.Owners) > 0 {
			break
		}
	}
	for _, id := range s.Proved {
		if id.Field == "credential" && len(s.Credentials) < mostOwners {
			s.Credentials = append(s.Credentials, id.Value)
		}
	}
	if len(s.Credentials) > 0 {
		return
	}
	for _, id := range s.Asserted {
		if id.Field == "device" && len(s.Devices) < mostOwners {
			s.Devices = append(s.Devices, id.Value)
		}
	}
}

func owners(items []timeline.Item, name func(*audit.Identity) string) (list []Owner, left int) {
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
	return list, left
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
