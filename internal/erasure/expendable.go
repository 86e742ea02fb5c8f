package erasure

import "slices"

// expendable are the types of Tripod's own records that vouch for nothing else: who looked at what, and routine. Everything
// that a tombstone, a decision or a gap is judged by is not among them, and stays for ever.
var expendable = []string{
	"tripod.console.enter", "tripod.console.leave", "tripod.console.open", "tripod.console.search", "tripod.console.export",
	"tripod.content.open", "tripod.access.refused", "tripod.compliance.run", "tripod.compliance.examined",
}

// Expendable reports whether one of Tripod's own records may go when the period of its class of retention is over. Nobody
// erases one by order: it tells of those who order.
func Expendable(typ string) bool { return slices.Contains(expendable, typ) }
