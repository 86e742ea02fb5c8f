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

// ByteCount is the length of the source form.
func (p *Record) ByteCount() int64 { return int64(p.Bytes) }
