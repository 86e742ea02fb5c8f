package ledger

import (
	"context"
	"fmt"
	"iter"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// Derive writes the ledger's folder of a data directory that has none: tiles and entry bundles from the commitments, in order,
// then hand-overs of its key, and then the checkpoint as it was signed, if the commitments give its root. The checkpoint's signature is for the caller to have
// checked. What it wrote is durable when it returns nil; on an error there is no checkpoint.
func Derive(ctx context.Context, dir string, note []byte, handOvers []string, commitments iter.Seq2[audit.Commitment, error]) error {
	head, err := tiles.ParseCheckpoint(note)
	if err != nil {
		return fmt.Errorf("derive ledger: %w", err)
	}
	d := derivation{folder: newFolder(osDisk(dir), ledgerDir), edge: new(edge)}
	for c, err := range commitments {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("derive ledger: %w", err)
		}
		if d.edge.size == head.Size {
			break
		}
		if err := d.append(c); err != nil {
			return fmt.Errorf("derive ledger: %w", err)
		}
	}
	if err := d.finish(head, handOvers); err != nil {
		return fmt.Errorf("derive ledger: %w", err)
	}
	return nil
}

type derivation struct {
	folder  *folder
	edge    *edge
	pending []file
}

func (d *derivation) append(c audit.Commitment) error {
	d.edge.append(c, func(f file) { d.pending = append(d.pending, f) })
	if len(d.pending) < flushAt {
		return nil
	}
	return d.flush()
}

func (d *derivation) flush() error {
	err := d.folder.put(d.pending)
	d.pending = nil
	return err
}

func (d *derivation) finish(head Checkpoint, handOvers []string) error {
	if d.edge.size != head.Size {
		return fmt.Errorf("there are %d records, the checkpoint was signed over %d", d.edge.size, head.Size)
	}
	root, err := d.edge.root()
	if err != nil {
		return err
	}
	if root != head.Root {
		return fmt.Errorf("records 1 to %d do not hash to the root of the checkpoint: they are not what was signed for", head.Size)
	}
	if err := d.flush(); err != nil {
		return err
	}
	if err := d.folder.put(d.edge.partials(0)); err != nil {
		return err
	}
	if err := d.folder.settle(); err != nil {
		return err
	}
	for i, h := range handOvers {
		if err := d.folder.replace(handOverFile(i), []byte(h), 0o600); err != nil {
			return err
		}
	}
	return d.folder.replace(checkpointFile, head.Note, 0o600)
}
