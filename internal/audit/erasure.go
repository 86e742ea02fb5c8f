package audit

// Types of Tripod's own records that bear on positions which hold no record any more.
const (
	TypeEraseRecord    = "tripod.erase.record"    // orders the erasure of a record: position, commitment
	TypeEraseContainer = "tripod.erase.container" // orders the erasure of a container: container
	TypeEraseCompleted = "tripod.erase.completed" // position of the record that ordered it
	TypeRecover        = "tripod.recover"         // names positions a recovery found lost: first, last, records
)

// ErasureOrder reads a record that orders the erasure of another: the position to be erased, at least 1, and the
// commitment of what stands there. It reports false for every other record, one that a client reports under this type
// included. Whether an order is signed for, the ledger tells.
func ErasureOrder(r *Record) (position uint64, c Commitment, ok bool) {
	if r.Source != SourceTripod || r.Activity != ActivityErasure || r.Type != TypeEraseRecord {
		return 0, c, false
	}
	at, _ := r.Attributes.Get("position")
	n, ok := at.Int64()
	if !ok || n < 1 {
		return 0, c, false
	}
	text, _ := r.Attributes.Get("commitment")
	c, err := ParseCommitment(text.Str())
	if err != nil {
		return 0, Commitment{}, false
	}
	return uint64(n), c, true
}
