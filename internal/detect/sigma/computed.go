package sigma

import (
	"net/netip"

	"github.com/tripod-audit/tripod/internal/audit"
)

// computedFrom lists the fields a computed one is made of.
func computedFrom(name string) []string {
	switch name {
	case "account": // the order of audit.Account.Telling
		var list []string
		for _, who := range []string{"account.proved.", "account.asserted."} {
			for _, id := range []string{"email", "user", "uuid", "subject", "service", "key", "os_user"} {
				list = append(list, who+id)
			}
		}
		return append(list, "account.asserted.device")
	case "plane":
		return []string{"source"}
	case "network":
		return []string{"ip"}
	}
	return nil
}

// compute fills the computed fields.
func (m *Matcher) compute() {
	for _, r := range m.set.computed {
		s := &m.set.slots[r]
		for _, in := range s.inputs {
			text := m.Value(in)
			switch {
			case text == "":
				continue
			case s.computed == "plane":
				text = string(audit.Source(text).Plane())
			case s.computed == "network":
				text = network(text)
			}
			if text != "" {
				m.put(r, value{text: text, elem: -1})
			}
			break
		}
	}
}

// network is the network an address is taken to belong to: what one household or office has of it.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
