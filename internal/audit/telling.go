package audit

import "cmp"

// Telling is the identifier by which people know an account best, of those it has, in this order: address, vendor user id,
// vendor account UUID, subject at the identity provider, service account, API key id, login name. It is "" where the account
// has none of them; organisation, device, groups and credential name no account.
func (id *Identity) Telling() string {
	return cmp.Or(id.Email, id.User, id.UUID, id.Subject, id.Service, id.Key, id.OSUser)
}

// Telling is the most telling identifier of an account, and whether a client only asserts it: what is proved goes before
// what is asserted, and without either an asserted device stands in.
func (a *Account) Telling() (id string, asserted bool) {
	if id = a.Proved.Telling(); id != "" {
		return id, false
	}
	id = cmp.Or(a.Asserted.Telling(), a.Asserted.Device)
	return id, id != ""
}
