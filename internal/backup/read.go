package backup

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// opened is a backup with what opens it.
type opened struct {
	*Manifest
	repo *Repository
	with Identities
}

// part reads one part and holds it against its digests.
func (o *opened) part(p Part) ([]byte, error) {
	data, err := o.repo.object(p.Object)
	if err != nil {
		return nil, err
	}
	raw, err := unsealAll(data, o.with, p.Raw)
	if err != nil {
		return nil, fmt.Errorf("%s %d to %d: %w", p.Kind, p.First, p.Last, err)
	}
	if int64(len(raw)) != p.Raw || digestOf(raw) != p.Digest {
		return nil, fmt.Errorf("%s %d to %d: it is not what the manifest says", p.Kind, p.First, p.Last)
	}
	return raw, nil
}

// each reads the parts of a kind, in order.
func (o *opened) each(ctx context.Context, kind Kind, do func(p Part, raw []byte) error) error {
	for _, p := range o.of(kind) {
		if err := ctx.Err(); err != nil {
			return err
		}
		raw, err := o.part(p)
		if err == nil {
			err = do(p, raw)
		}
		if err != nil {
			return fmt.Errorf("backup %s: %w", o.ID, err)
		}
	}
	return nil
}

// leaves reads the commitments of a stretch of positions.
func (o *opened) leaves(ctx context.Context, first, last uint64) iter.Seq2[audit.Commitment, error] {
	return func(yield func(audit.Commitment, error) bool) {
		stop := errors.New("enough")
		err := o.each(ctx, KindLeaves, func(p Part, raw []byte) error {
			if p.Last < first || p.First > last {
				return nil
			}
			list, err := decodeLeaves(raw)
			if err != nil {
				return err
			}
			if uint64(len(list)) != p.Last-p.First+1 {
				return fmt.Errorf("leaves %d to %d are %d", p.First, p.Last, len(list))
			}
			for i, c := range list {
				if at := p.First + uint64(i); at >= first && at <= last && !yield(c, nil) {
					return stop
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, stop) {
			yield(audit.Commitment{}, err)
		}
	}
}

// Find chooses a backup: by its id, by a time (the newest that is not younger), or the newest where at is "".
func (r *Repository) Find(at string) (*Manifest, error) {
	if validID(at) {
		return r.Manifest(at)
	}
	if at == "" {
		return r.Newest()
	}
	then, err := parseTime(at)
	if err != nil {
		return nil, err
	}
	ids, err := r.ids()
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Backward(ids) {
		m, err := r.Manifest(id)
		if err != nil {
			return nil, err
		}
		if !m.Time.After(then) {
			return m, nil
		}
	}
	return nil, fmt.Errorf("none was made up to %s: %w", then.Format(time.RFC3339), ErrNoBackup)
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither the id of a backup nor a time: want 2026-11-23T20:00:00Z", text)
}

// trusted holds a manifest against a verifier key from elsewhere: it signed the manifest, or a successor it named did, or one that
// it took over from and names, for no more records than that one handed over with. Hand-overs are those of all manifests there are.
func trusted(m *Manifest, key string, all []*Manifest) error {
	notes := slices.Clone(m.HandOvers)
	for _, other := range all {
		notes = append(notes, other.HandOvers...)
	}
	c := tiles.NewChain(key, notes)
	i := slices.Index(c.Keys, m.Key)
	switch {
	case i < 0:
		return fmt.Errorf("backup %s was signed by the key %s, which is not the one given, %s, and none that a hand-over ties to it", m.ID, tiles.KeyName(m.Key), tiles.KeyName(key))
	case i < len(c.Links) && m.LedgerSize > uint64(c.Links[i].Tree.N):
		return fmt.Errorf("backup %s was signed by the key %s over %d records, after it had handed over at %d", m.ID, tiles.KeyName(m.Key), m.LedgerSize, c.Links[i].Tree.N)
	}
	return nil
}

// lineage is the keys of the ledger that a backup is of, in the order in which they took over from each other, by hand-overs that
// both signed; and every manifest. Who can write to the repository can put manifests there that name a key of their own: only
// what one of these keys was entitled to sign counts.
func (r *Repository) lineage(m *Manifest) (tiles.Chain, []*Manifest, error) {
	all, _, err := r.List()
	if err != nil {
		return tiles.Chain{}, nil, err
	}
	notes := slices.Clone(m.HandOvers)
	for _, other := range all {
		notes = append(notes, other.HandOvers...)
	}
	return tiles.NewChain(m.Key, notes), all, nil
}

// signers are the keys whose signatures count beside a backup: its own, those it took over from, and its successors.
func (r *Repository) signers(m *Manifest) ([]string, error) {
	c, _, err := r.lineage(m)
	return c.Keys, err
}

// longest is the manifest with the longest ledger of those that a key of the same ledger was entitled to sign.
func (r *Repository) longest(m *Manifest) (*Manifest, error) {
	c, all, err := r.lineage(m)
	if err != nil {
		return nil, err
	}
	longest := m
	for _, other := range all {
		i := slices.Index(c.Keys, other.Key)
		entitled := i >= 0 && (i >= len(c.Links) || other.LedgerSize <= uint64(c.Links[i].Tree.N))
		if entitled && other.Origin == m.Origin && other.LedgerSize > longest.LedgerSize {
			longest = other
		}
	}
	return longest, nil
}

// tree is a Merkle tree that grows: the roots of its perfect subtrees, largest first.
type tree struct {
	size  uint64
	roots []tlog.Hash
}

func (t *tree) add(c audit.Commitment) {
	h := tiles.LeafHash(c)
	for n := t.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(t.roots[len(t.roots)-1], h)
		t.roots = t.roots[:len(t.roots)-1]
	}
	t.roots = append(t.roots, h)
	t.size++
}

func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		h, _ := tlog.TreeHash(0, nil) // of no leaf nothing is read
		return h
	}
	root := t.roots[len(t.roots)-1]
	for _, left := range slices.Backward(t.roots[:len(t.roots)-1]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}
