package ledger

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// VerifyOptions say what to verify and against what.
type VerifyOptions struct {
	Dir     string // data directory
	Journal Reader
	// Key is the verifier key the checkpoints must be signed with; where empty, the one in the data directory serves,
	// which whoever alters the directory can replace.
	Key string
	// Saved is a signed checkpoint from earlier, held elsewhere; nil where there is none.
	Saved []byte
	// From starts at a later seq, taking what lies before from the tiles' hashes; 0 and 1 are the beginning.
	From uint64
	// Progress hears now and then how many of how many records are done; may be nil.
	Progress func(done, total uint64)

	chunk     uint64 // records a worker takes at once; a multiple of the tile width
	maxGraves int    // tombstones held in memory at once
	mend      bool   // keep the right bytes of damaged files

	signWait time.Duration // how long to wait for checkpoints over what came meanwhile; 0 is defaultSignWait
}

// What a verdict rests on.
const (
	AnchoredBoth       = "key+checkpoint" // a key and a checkpoint from outside the data directory
	AnchoredKey        = "key"            // a key from outside
	AnchoredCheckpoint = "checkpoint"     // a checkpoint from outside, without a key
	AnchoredNone       = "none"           // nothing from outside: self-consistent at best
)

// Report is the verdict.
type Report struct {
	Verified    bool      `json:"verified"`
	Anchored    string    `json:"anchored"`
	Statement   string    `json:"statement"` // one sentence for people
	Origin      string    `json:"origin,omitempty"`
	From        uint64    `json:"from"`                 // first seq whose leaf was recomputed
	Records     uint64    `json:"records"`              // leaves recomputed from salt and canonical bytes
	Tombstones  uint64    `json:"tombstones"`           // positions whose record was erased or lost
	Lost        uint64    `json:"lost"`                 // of them lost in a restore, as a recovery record names them
	LedgerSize  uint64    `json:"ledger_size"`          // leaves the checkpoint was signed over
	JournalLast uint64    `json:"journal_last"`         // the journal's last seq
	SavedSize   uint64    `json:"saved_size,omitempty"` // leaves the held checkpoint was signed over
	Root        string    `json:"root,omitempty"`       // recomputed at ledger_size, base64; empty where it could not be
	Findings    []Finding `json:"findings"`
	Omitted     int       `json:"omitted,omitempty"` // findings beyond what a report holds
}

// Verify recomputes every leaf from the journal's salts and canonical bytes, builds the tree anew, and holds it against
// every tile, every entry bundle and the checkpoint; and every tombstone against the record that must name it, which has
// to be under a signed checkpoint itself: one signed meanwhile counts, and is waited for a moment. It shares
// no code with the writer's tree, streams in bounded memory on all processors, writes nothing, and works while the ledger
// grows. An error means that something could not be read for other reasons than damage; what is wrong is in the report.
func Verify(ctx context.Context, opts VerifyOptions) (*Report, error) {
	v, err := verify(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return v.report(), nil
}

// verifier holds the state of one verification. What workers share is set before they start and not changed after.
type verifier struct {
	opts   VerifyOptions
	folder tiles.Folder

	key         string      // the verifier key, the last that it handed over to; empty where there is none
	chain       tiles.Chain // the keys before and after the one that was given
	head        *Checkpoint // nil where it cannot be used
	saved       *Checkpoint // nil where there is none or it cannot be used
	size        uint64      // leaves of the ledger: the head's, or without one those the tiles show
	journalLast uint64
	edgeFits    bool // the stored tiles at the right edge give the head's root

	tally
	graves  *graves
	late    bool // something behind the checkpoint may vouch for tombstones
	later   later
	tree    tree
	records uint64
	tombs   uint64 // of records: erased or lost
	// of tombs: lost in a restore
	lostTombs uint64
	root      *tlog.Hash // at the ledger's size
	lost      []Range    // stretches of loss tombstones no record names

	reachedSize, reachedSaved bool // the tree has come to these checkpoints' ends
}

func verify(ctx context.Context, opts VerifyOptions) (*verifier, error) {
	if opts.chunk == 0 {
		opts.chunk = 32 << 10
	}
	if opts.maxGraves == 0 {
		opts.maxGraves = 1 << 19
	}
	if opts.signWait == 0 {
		opts.signWait = defaultSignWait
	}
	v := &verifier{opts: opts, folder: tiles.Folder(filepath.Join(opts.Dir, ledgerDir))}
	v.keep = opts.mend
	if err := v.readHeads(); err != nil {
		return nil, err
	}
	last, err := opts.Journal.Last(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the journal for its end: %w", err)
	}
	v.journalLast = last
	if last < v.size {
		v.add(Finding{Kind: KindJournalShort, First: last + 1, Last: v.size, Text: fmt.Sprintf(
			"the journal ends at record %d, the ledger holds %d: records %d to %d are lost; the journal is an older copy or was cut: run tripod recover",
			last, v.size, last+1, v.size)})
	}
	v.tree.start(v)
	v.graves = newGraves(v.tree.first+1, v.size, opts.maxGraves)
	if err := v.recompute(ctx); err != nil {
		return nil, err
	}
	return v, v.bury(ctx)
}

// readHeads reads the checkpoint and the held one.
func (v *verifier) readHeads() error {
	key := v.opts.Key
	if key == "" {
		var err error
		if key, err = ReadKey(v.opts.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if key != "" && tiles.CheckKey(key) != nil {
			v.add(Finding{Kind: KindKeyAltered, File: pubFile, Text: pubFile + " is no verifier key: it was altered; give the key from elsewhere"})
			key = ""
		}
	} else if err := tiles.CheckKey(key); err != nil {
		return err
	}
	v.key = key
	if key != "" {
		handOvers, err := HandOvers(v.opts.Dir)
		if err != nil {
			return err
		}
		v.chain = tiles.NewChain(key, handOvers)
		v.key = v.chain.Keys[len(v.chain.Keys)-1]
	}
	if err := v.readHead(key); err != nil {
		return err
	}
	if v.opts.Saved != nil {
		v.readSaved(key)
	}
	return nil
}

func (v *verifier) readHead(key string) error {
	msg, err := v.folder.ReadCheckpoint()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.add(Finding{Kind: KindCheckpointMissing, File: checkpointFile, Text: "there is no checkpoint: run tripod recover"})
	case err != nil:
		return err
	default:
		v.head = v.openHead(msg, key, v.chain.Held, KindCheckpointAltered, checkpointFile, "the checkpoint")
	}
	if v.head != nil {
		v.tellHandOvers()
		v.size = v.head.Size
		root, err := storedRoot(v.folder, v.size)
		v.edgeFits = err == nil && root == v.head.Root
		return nil
	}
	v.size, err = v.folder.Size()
	return err
}

// openHead opens a signed checkpoint. One whose signature does not verify still says what to compare with, if it can be
// read at all, so that damage elsewhere is located too.
func (v *verifier) openHead(msg []byte, key string, first int, kind, file, what string) *Checkpoint {
	c, err := tiles.ParseCheckpoint(msg)
	if err != nil {
		v.add(Finding{Kind: kind, File: file, Text: fmt.Sprintf("%s cannot be read: %v", what, err)})
		return nil
	}
	if key == "" {
		v.add(Finding{Kind: KindUnsigned, Severity: SeverityNotice, File: file,
			Text: fmt.Sprintf("no key was given and %s is missing: the signature of %s was not checked", pubFile, what)})
		return &c
	}
	if _, _, err := v.chain.Open(msg, first); err != nil {
		v.add(Finding{Kind: kind, File: file, Expected: "a signature by " + tiles.KeyName(key),
			Text: fmt.Sprintf("%s of size %d is not signed by the key %s: it was altered, or another key signed it", what, c.Size, tiles.KeyName(key))})
		return &c
	}
	return &c
}

// tellHandOvers says which keys took over from the one that was given, and that each did at a tree that this ledger had.
func (v *verifier) tellHandOvers() {
	for i := v.chain.Held; i < len(v.chain.Links); i++ {
		h := v.chain.Links[i]
		if v.head.Size < uint64(h.Tree.N) {
			v.add(Finding{Kind: KindSavedAhead, First: v.head.Size + 1, Last: uint64(h.Tree.N), Text: fmt.Sprintf(
				"the key %s handed over at %d records, the ledger now holds %d: the ledger was cut", tiles.KeyName(h.Key), h.Tree.N, v.head.Size)})
			continue
		}
		if h.Tree.N > 0 {
			root, err := v.folder.Root(context.Background(), *v.head, uint64(h.Tree.N))
			if err == nil && root != h.Tree.Hash {
				v.add(Finding{Kind: KindSavedRoot, First: 1, Last: uint64(h.Tree.N), Expected: h.Tree.Hash.String(), Found: root.String(),
					Text: fmt.Sprintf("the key %s handed over at another tree of %d records: the ledger was rewritten since", tiles.KeyName(h.Key), h.Tree.N)})
				continue
			}
		}
		v.add(Finding{Kind: KindHandOver, Severity: SeverityNotice, First: uint64(h.Tree.N), Last: uint64(h.Tree.N),
			Text: fmt.Sprintf("the key %s handed over to %s at %d records: hold the new key from now on", tiles.KeyName(h.Key), tiles.KeyName(h.Next), h.Tree.N)})
	}
}

func (v *verifier) readSaved(key string) {
	saved := v.openHead(v.opts.Saved, key, 0, KindSavedAltered, "", "the held checkpoint")
	if saved == nil {
		return
	}
	if v.head != nil && saved.Origin != v.head.Origin {
		v.add(Finding{Kind: KindSavedOrigin, Expected: saved.Origin, Found: v.head.Origin,
			Text: fmt.Sprintf("the held checkpoint is of the ledger %q, this is %q", saved.Origin, v.head.Origin)})
		return
	}
	v.saved = saved
	if saved.Size > v.size {
		v.add(Finding{Kind: KindSavedAhead, First: v.size + 1, Last: saved.Size,
			Text: fmt.Sprintf("the held checkpoint was signed over %d records, the ledger now holds %d: the ledger was cut", saved.Size, v.size)})
	}
}

// workers is how many stretches of the journal are read at once.
func workers() int { return max(2, runtime.GOMAXPROCS(0)) }

// report words the verdict.
func (v *verifier) report() *Report {
	r := &Report{
		From: v.tree.first + 1, Records: v.records, Tombstones: v.tombs, Lost: v.lostTombs, LedgerSize: v.size, JournalLast: v.journalLast,
	}
	if v.journalLast > v.size {
		v.add(Finding{Kind: KindUncovered, Severity: SeverityNotice, First: v.size + 1, Last: v.journalLast,
			Text: fmt.Sprintf("records %d to %d are not yet covered by a checkpoint", v.size+1, v.journalLast)})
	}
	if v.tree.first > 0 {
		v.add(Finding{Kind: KindNotRecomputed, Severity: SeverityNotice, First: 1, Last: v.tree.first,
			Text: fmt.Sprintf("records 1 to %d were not recomputed: their part of the tree was taken from the tiles", v.tree.first)})
	}
	if v.head != nil {
		r.Origin = v.head.Origin
	}
	if v.saved != nil {
		r.SavedSize = v.saved.Size
	}
	if v.root != nil && !v.healed {
		r.Root = base64.StdEncoding.EncodeToString(v.root[:])
	}
	r.Findings, r.Omitted = v.done(), v.omitted
	r.Verified = !v.failed
	r.Anchored, r.Statement = v.verdict(r)
	return r
}

func (v *verifier) verdict(r *Report) (anchored, statement string) {
	key := v.opts.Key != ""
	saved := v.opts.Saved != nil
	switch {
	case key && saved:
		anchored = AnchoredBoth
	case key:
		anchored = AnchoredKey
	case saved:
		anchored = AnchoredCheckpoint
	default:
		anchored = AnchoredNone
	}
	if !r.Verified {
		wrong := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Severity == SeverityError })
		return anchored, fmt.Sprintf("not verified: %s", r.Findings[max(wrong, 0)].Text)
	}
	what := fmt.Sprintf("records %d to %d match the ledger", r.From, r.LedgerSize)
	if r.From > r.LedgerSize {
		what = fmt.Sprintf("there is no record from %d on in the ledger of size %d", r.From, r.LedgerSize)
	}
	if r.Tombstones > 0 {
		what += fmt.Sprintf(" (%d of them hold no record any more: %d erased by order, %d lost in a restore)", r.Tombstones, r.Tombstones-r.Lost, r.Lost)
	}
	switch anchored {
	case AnchoredBoth:
		statement = fmt.Sprintf("verified against key %s and the held checkpoint of size %d: %s, which only grew since", tiles.KeyName(v.opts.Key), r.SavedSize, what)
	case AnchoredKey:
		statement = fmt.Sprintf("verified against key %s and its checkpoint of size %d: %s; without a held checkpoint nothing is said about earlier states",
			tiles.KeyName(v.opts.Key), r.LedgerSize, what)
	case AnchoredCheckpoint:
		statement = fmt.Sprintf("verified against the held checkpoint of size %d: %s; without a key nothing is said about who signed", r.SavedSize, what)
	default:
		statement = fmt.Sprintf("self-consistent, not anchored: %s; give a key and a held checkpoint to verify against", what)
	}
	return anchored, statement
}
