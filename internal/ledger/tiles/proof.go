package tiles

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	maxProof    = 63 // hashes
)

// ErrMismatch says that the tiles in the folder are not those the checkpoint was signed over.
var ErrMismatch = errors.New("the tiles do not fit the checkpoint: run tripod verify")

// Reader reads hashes of the tree the checkpoint was signed over, each checked against its root.
func (f Folder) Reader(ctx context.Context, c Checkpoint) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		source := &noted{Folder: f}
		hashes, err := tlog.TileHashReader(c.Tree(), source).ReadHashes(indexes)
		if err != nil && source.failed == nil {
			return nil, fmt.Errorf("%w (%w)", ErrMismatch, err)
		}
		return hashes, err
	})
}

// noted remembers whether reading failed, which is another matter than reading what does not fit.
type noted struct {
	Folder
	failed error
}

func (n *noted) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	data, err := n.Folder.ReadTiles(list)
	n.failed = err
	return data, err
}

// Inclusion proves that the leaf at an index is in the checkpoint's tree, and returns the leaf's hash.
func (f Folder) Inclusion(ctx context.Context, c Checkpoint, index uint64) (tlog.RecordProof, tlog.Hash, error) {
	if index >= c.Size {
		return nil, tlog.Hash{}, fmt.Errorf("prove leaf %d: the checkpoint holds %d", index, c.Size)
	}
	r := f.Reader(ctx, c)
	proof, err := tlog.ProveRecord(int64(c.Size), int64(index), r)
	if err != nil {
		return nil, tlog.Hash{}, fmt.Errorf("prove leaf %d: %w", index, err)
	}
	leaf, err := r.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
	if err != nil {
		return nil, tlog.Hash{}, fmt.Errorf("read leaf %d: %w", index, err)
	}
	return proof, leaf[0], nil
}

// Consistency proves that the tree of the newer size holds that of the older one as its beginning. Both lie within the
// checkpoint. The proof is that of RFC 6962, section 2.1.2; it is empty where the sizes are equal or the older is 0.
func (f Folder) Consistency(ctx context.Context, c Checkpoint, older, newer uint64) (tlog.TreeProof, error) {
	if older > newer || newer > c.Size {
		return nil, fmt.Errorf("prove consistency of sizes %d and %d: want older <= newer <= %d", older, newer, c.Size)
	}
	if older == 0 || older == newer {
		return nil, nil
	}
	proof, err := tlog.ProveTree(int64(newer), int64(older), f.Reader(ctx, c))
	if err != nil {
		return nil, fmt.Errorf("prove consistency of sizes %d and %d: %w", older, newer, err)
	}
	return proof, nil
}

// Root is the root of the tree's first leaves, as far as the checkpoint goes.
func (f Folder) Root(ctx context.Context, c Checkpoint, size uint64) (tlog.Hash, error) {
	if size > c.Size {
		return tlog.Hash{}, fmt.Errorf("compute root of size %d: the checkpoint holds %d", size, c.Size)
	}
	root, err := tlog.TreeHash(int64(size), f.Reader(ctx, c))
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("compute root of size %d: %w", size, err)
	}
	return root, nil
}

// FormatProof writes an inclusion proof with its checkpoint in the form of c2sp.org/tlog-proof@v1.
func FormatProof(c Checkpoint, index uint64, proof tlog.RecordProof) []byte {
	return torchwood.FormatProof(int64(index), proof, c.Note)
}

// ParseProof reads a proof of that form and checks nothing. Extra data, which ledgers here do not write, is refused.
func ParseProof(text []byte) (index uint64, proof tlog.RecordProof, c Checkpoint, err error) {
	fail := func(format string, args ...any) (uint64, tlog.RecordProof, Checkpoint, error) {
		return 0, nil, Checkpoint{}, fmt.Errorf("parse tlog-proof: "+format, args...)
	}
	head, note, ok := strings.Cut(string(text), "\n\n")
	if !ok {
		return fail("no checkpoint behind an empty line")
	}
	lines := strings.Split(head, "\n")
	if lines[0] != proofHeader {
		return fail("it does not begin with %s", proofHeader)
	}
	if len(lines) < 2 || !strings.HasPrefix(lines[1], "index ") {
		return fail("its second line is no index")
	}
	if len(lines)-2 > maxProof {
		return fail("%d hashes are more than any tree needs", len(lines)-2)
	}
	if index, err = strconv.ParseUint(strings.TrimPrefix(lines[1], "index "), 10, 63); err != nil {
		return fail("index: %w", err)
	}
	for n, line := range lines[2:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return fail("hash %d: %w", n+1, err)
		}
		proof = append(proof, h)
	}
	if c, err = ParseCheckpoint([]byte(note)); err != nil {
		return fail("%w", err)
	}
	return index, proof, c, nil
}

// CheckProof checks a proof of that form: that the key signed its checkpoint and that the commitment is the leaf it
// speaks of. It is what an auditor with the key, the record and its salt does; stock tools can do the same.
func CheckProof(key string, c audit.Commitment, proof []byte) error {
	policy, err := policyOf(key)
	if err != nil {
		return err
	}
	if err := torchwood.VerifyProof(policy, LeafHash(c), proof); err != nil {
		return fmt.Errorf("check proof: %w", err)
	}
	return nil
}
