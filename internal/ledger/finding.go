package ledger

import (
	"fmt"
	"slices"
)

// Kinds of findings. They are stable: scripts rely on them.
const (
	// Errors: something was altered, lost, or cannot be vouched for.
	KindRecordAltered      = "record_altered"      // a record's bytes or salt do not hash to the ledger's leaf
	KindRecordMoved        = "record_moved"        // a record stands at a position the ledger has another one for
	KindRecordMissing      = "record_missing"      // the journal has no record at a position
	KindRecordUnreadable   = "record_unreadable"   // the journal has something there that cannot be decoded
	KindJournalShort       = "journal_short"       // the journal ends before the ledger
	KindEntryAltered       = "entry_altered"       // an entry bundle does not hold the ledger's leaf
	KindEntriesUnreadable  = "entries_unreadable"  // an entry bundle is missing or malformed
	KindTileAltered        = "tile_altered"        // a hash tile does not hold the tree's hashes
	KindTileUnreadable     = "tile_unreadable"     // a hash tile is missing or malformed
	KindCheckpointMissing  = "checkpoint_missing"  // there is no checkpoint
	KindCheckpointAltered  = "checkpoint_altered"  // the checkpoint is malformed or its signature does not verify
	KindCheckpointRoot     = "checkpoint_root"     // the records do not hash to the checkpoint's root
	KindKeyAltered         = "key_altered"         // the verifier key in the data directory is none
	KindSavedAltered       = "saved_altered"       // the held checkpoint is malformed or its signature does not verify
	KindSavedOrigin        = "saved_origin"        // the held checkpoint is of another ledger
	KindSavedAhead         = "saved_ahead"         // the ledger is shorter than it was at the held checkpoint
	KindSavedRoot          = "saved_root"          // the ledger is not a continuation of the held checkpoint
	KindTombstoneUnnamed   = "tombstone_unnamed"   // no record orders or explains a tombstone
	KindLossUnnamed        = "loss_unnamed"        // positions given up as lost that no recovery names
	KindTombstoneUnsigned  = "tombstone_unsigned"  // what orders or explains a tombstone is not under a signed checkpoint
	KindTombstoneDifferent = "tombstone_different" // the erasure record names another commitment than the tombstone

	// Notices: worth knowing, and no sign of alteration.
	KindUncovered         = "uncovered"           // records behind the last checkpoint
	KindErasureUnfinished = "erasure_unfinished"  // an erasure was ordered and its completion is not on record
	KindErasureUndone     = "erasure_undone"      // an erasure is on record as completed and the record is there
	KindUnsigned          = "signature_unchecked" // there was no key to check a signature with
	KindHandOver          = "hand_over"           // the key that was given handed over to another
	KindNotRecomputed     = "not_recomputed"      // what a later start left out
)

// Severities of findings.
const (
	SeverityError  = "error"
	SeverityNotice = "notice"
)

// Finding is one thing verification has to say, located.
type Finding struct {
	Kind     string `json:"kind"`
	Severity string `json:"severity"`
	First    uint64 `json:"first,omitempty"` // first and last seq concerned; 0 where none are
	Last     uint64 `json:"last,omitempty"`
	File     string `json:"file,omitempty"`     // of the ledger, relative to the data directory
	Expected string `json:"expected,omitempty"` // of the first seq, where it is a matter of one value against another
	Found    string `json:"found,omitempty"`
	Text     string `json:"text"` // for people

	shift int64 // of moved records: how far they stand from where they belong
}

// maxFindings bounds what a report holds; damage of one kind in one stretch is one finding.
const maxFindings = 1000

// findings gathers them, joining what is one stretch. It is not safe for concurrent use.
type findings struct {
	list    []Finding
	omitted int
	failed  bool // at least one was an error
}

func (f *findings) add(n Finding) {
	if n.Severity == "" {
		n.Severity = SeverityError
	}
	f.failed = f.failed || n.Severity == SeverityError
	for i := len(f.list) - 1; i >= max(0, len(f.list)-8); i-- {
		if f.list[i].extend(n) {
			return
		}
	}
	if len(f.list) >= maxFindings {
		f.omitted++
		return
	}
	f.list = append(f.list, n)
}

// extend joins a finding to the one before it if it says the same of the next seqs.
func (f *Finding) extend(n Finding) bool {
	if f.Kind != n.Kind || f.File != n.File || f.shift != n.shift || f.First == 0 || n.First != f.Last+1 {
		return false
	}
	switch f.Kind {
	case KindRecordAltered, KindRecordMoved, KindRecordMissing, KindRecordUnreadable, KindEntryAltered, KindTileAltered, KindTombstoneUnnamed, KindTombstoneUnsigned, KindLossUnnamed:
		f.Last = n.Last
		return true
	}
	return false
}

// done words the findings and puts them in order: errors first, then by place.
func (f *findings) done() []Finding {
	for i := range f.list {
		if f.list[i].Text == "" {
			f.list[i].Text = f.list[i].words()
		}
	}
	slices.SortStableFunc(f.list, func(a, b Finding) int {
		switch {
		case a.Severity != b.Severity && a.Severity == SeverityError:
			return -1
		case a.Severity != b.Severity:
			return 1
		case a.First < b.First:
			return -1
		case a.First > b.First:
			return 1
		}
		return 0
	})
	if f.list == nil {
		return []Finding{}
	}
	return f.list
}

// words tells a finding about a stretch of records.
func (f *Finding) words() string {
	many := f.Last > f.First
	who, is, does := fmt.Sprintf("record %d", f.First), "is", "does"
	if many {
		who, is, does = fmt.Sprintf("records %d to %d", f.First, f.Last), "are", "do"
	}
	switch f.Kind {
	case KindRecordAltered:
		return fmt.Sprintf("%s %s not hash to what the ledger committed to: bytes or salt in the journal were altered", who, does)
	case KindRecordMoved:
		if many {
			return fmt.Sprintf("%s are those the ledger has at positions %d to %d: the journal's records were moved or one was dropped",
				who, int64(f.First)+f.shift, int64(f.Last)+f.shift)
		}
		return fmt.Sprintf("%s is the one the ledger has at position %d: the journal's records were moved", who, int64(f.First)+f.shift)
	case KindRecordMissing:
		return fmt.Sprintf("%s %s missing from the journal", who, is)
	case KindRecordUnreadable:
		return fmt.Sprintf("%s of the journal cannot be read: %s", who, f.Found)
	case KindEntryAltered:
		return fmt.Sprintf("%s: the entry of %s was altered", f.File, who)
	case KindTileAltered:
		return fmt.Sprintf("%s: the hash over %s was altered", f.File, who)
	case KindTombstoneUnnamed:
		return fmt.Sprintf("%s %s gone and no erasure or recovery on record names it: the tombstone was not ordered", who, is)
	case KindTombstoneUnsigned:
		return fmt.Sprintf("%s %s gone, and the record that orders or explains it is not under a signed checkpoint: "+
			"run verify again when tripod serve has signed one, which takes it a second; if it still says so, treat it as forged", who, is)
	case KindLossUnnamed:
		return fmt.Sprintf("%s %s marked as lost and no recovery on record says so: run tripod recover", who, is)
	}
	return f.Kind + ": " + who
}
