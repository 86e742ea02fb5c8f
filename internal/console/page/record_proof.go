package page

import (
	"fmt"
	"strings"
)

// Describe reads from the proof what it was proved against.
func (p *Proof) Describe() {
	_, checkpoint, _ := strings.Cut(p.TlogProof, "\n\n")
	lines := strings.SplitN(checkpoint, "\n", 3)
	if len(lines) == 3 {
		p.Origin = lines[0]
		_, _ = fmt.Sscanf(lines[1], "%d", &p.Size)
	}
}

// Cover is whether a signed checkpoint holds the record, in a line.
type Cover struct {
	Over   uint64 // records the checkpoint was signed over; 0 where none holds this one
	Wrong  bool   // the proof does not hold
	Broken bool   // the ledger cannot be read
	Href   string // of the proof
}

// Cover judges by the proof where the page has one, else by how far the journal is signed.
func (p *Record) Cover() Cover {
	switch {
	case p.Proof == nil && p.Seq <= p.Signed:
		return Cover{Over: p.Signed, Href: RecordURL(p.Seq) + "#proof"}
	case p.Proof == nil:
		return Cover{Href: RecordURL(p.Seq) + "#proof"}
	case p.Proof.Missing == "":
		return Cover{Over: p.Proof.Size, Href: "#proof"}
	}
	return Cover{Wrong: p.Proof.Wrong, Broken: p.Proof.Broken, Href: "#proof"}
}

// ByteCount is the length of the source form.
func (p *Record) ByteCount() int64 { return int64(p.Bytes) }
