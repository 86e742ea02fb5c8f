package audit

// Types of Tripod's own records that bear on positions which hold no record any more.
const (
	TypeEraseRecord    = "tripod.erase.record"    // orders the erasure of a record: position, commitment
	TypeEraseRecords   = "tripod.erase.records"   // orders that of many: positions, commitments
	TypeEraseContainer = "tripod.erase.container" // orders the erasure of a container: container
	TypeEraseContent   = "tripod.erase.content"   // orders that of content of records which stay: positions
	TypeEraseCompleted = "tripod.erase.completed" // position of the record that ordered it
	TypeRecover        = "tripod.recover"         // names positions a recovery found lost: first, last, records
)

// MaxErased is how many records one order erases at most: what reads an order holds all of it.
const MaxErased = 500

// Ordered is a record that an order erases: its position, at least 1, and the commitment of what stands there.
type Ordered struct {
	Position   uint64
	Commitment Commitment
}

// ErasureOrders reads a record that orders the erasure of others, and lists them by position. It lists none for every other
// record, one that a client reports under such a type included, and none for an order that is malformed in any place: its
// positions must ascend and have a commitment each. Whether an order is signed for, the ledger tells.
func ErasureOrders(r *Record) []Ordered {
	if r.Source != SourceTripod || r.Activity != ActivityErasure {
		return nil
	}
	var positions, commitments []Value
	switch r.Type {
	case TypeEraseRecord:
		at, _ := r.Attributes.Get("position")
		of, _ := r.Attributes.Get("commitment")
		positions, commitments = []Value{at}, []Value{of}
	case TypeEraseRecords:
		at, _ := r.Attributes.Get("positions")
		of, _ := r.Attributes.Get("commitments")
		positions, commitments = at.Items(), of.Items()
	}
	if len(positions) == 0 || len(positions) > MaxErased || len(positions) != len(commitments) {
		return nil
	}
	orders := make([]Ordered, len(positions))
	last := int64(0)
	for i := range orders {
		n, ok := positions[i].Int64()
		c, err := ParseCommitment(commitments[i].Str())
		if !ok || n <= last || err != nil {
			return nil
		}
		orders[i], last = Ordered{uint64(n), c}, n
	}
	return orders
}

// ErasureAttrs are the attributes by which an order of TypeEraseRecords names what it erases.
func ErasureAttrs(orders []Ordered) Attrs {
	positions, commitments := make([]Value, len(orders)), make([]Value, len(orders))
	for i, o := range orders {
		positions[i], commitments[i] = Int(int64(o.Position)), String(o.Commitment.String())
	}
	return Attrs{{Name: "positions", Value: Array(positions...)}, {Name: "commitments", Value: Array(commitments...)}}
}
