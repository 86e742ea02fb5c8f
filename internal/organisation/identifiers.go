package organisation

import (
	"slices"
	"strings"
)

// Identifiers lists everything an account was ever known by, as "kind:value": its id, those of the accounts that turned out
// to be it, its identifiers over time, and the address that the directory lists. Addresses are in lower case.
func (a *Account) Identifiers() []string {
	list := append([]string{a.ID}, a.subjects...)
	for _, k := range a.Known {
		list = append(list, k.Kind+":"+k.Value)
	}
	if strings.Contains(a.Name, "@") {
		list = append(list, kindEmail+":"+a.Name)
	}
	for i, id := range list {
		if strings.HasPrefix(id, kindEmail+":") {
			list[i] = strings.ToLower(id)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
