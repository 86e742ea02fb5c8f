package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// Erasure is one erasure that was ordered and carried out, as a repository remembers it for backups from before.
type Erasure struct {
	Completed uint64           `json:"completed"` // position of the record that says it was carried out
	Ordered   uint64           `json:"ordered"`   // of the one that ordered it
	Type      string           `json:"type"`      // of the order
	Retention string           `json:"retention,omitempty"`
	Container string           `json:"container,omitempty"` // the whole of which went
	Records   []ErasedRecord   `json:"records,omitempty"`   // that went, or whose content went
	Content   []erasure.Blocks `json:"content,omitempty"`   // what went of the content of records that stay
	// Blocks went with the records, whoever else referred to them.
	Blocks []content.Address `json:"blocks,omitempty"`
	// HandOvers are those of the ledger's key up to the one that signs this, of which no backup may know yet.
	HandOvers []string `json:"hand_overs,omitempty"`
}

// ErasedRecord is a record by position and commitment; the commitment is "" where the order does not name it.
type ErasedRecord struct {
	Position   uint64 `json:"position"`
	Commitment string `json:"commitment,omitempty"`
}

const (
	erasureStatement = "tripod-erasure/v1\n"
	maxErasure       = 64 << 20
	maxHandOvers     = 1000
)

// ListErasures puts into the repository what was erased as the records behind after and up to through say. What is listed
// already is passed over. It returns how many it added.
func (r *Repository) ListErasures(ctx context.Context, src Source, to Recipients, after, through uint64) (n int, err error) {
	if after >= through {
		return 0, nil
	}
	for stored, err := range src.Journal.Scan(ctx, after+1, through) {
		var damage *journal.CorruptError
		if errors.As(err, &damage) {
			continue // a damaged record says nothing; the backup itself fails of it
		}
		if err != nil {
			return n, fmt.Errorf("list erasures: %w", err)
		}
		added, err := r.listErasure(ctx, src, to, &stored)
		if err != nil {
			return n, fmt.Errorf("list the erasure that record %d completes: %w", stored.Seq, err)
		}
		if added {
			n++
		}
	}
	return n, nil
}

// completes reports whether a record says that an erasure was carried out, and which record ordered it.
func completes(stored *journal.Stored) (order uint64, ok bool) {
	if stored.Tombstone != nil {
		return 0, false
	}
	rec, err := stored.Record()
	if err != nil || rec.Source != audit.SourceTripod || rec.Type != audit.TypeEraseCompleted {
		return 0, false
	}
	at, _ := rec.Attributes.Get("position")
	n, ok := at.Int64()
	return uint64(n), ok && n > 0 && uint64(n) < stored.Seq
}

// listErasure lists what a record completes, if it completes any.
func (r *Repository) listErasure(ctx context.Context, src Source, to Recipients, stored *journal.Stored) (added bool, err error) {
	order, ok := completes(stored)
	if !ok {
		return false, nil
	}
	name := fmt.Sprintf("%012d-%s.age", stored.Seq, stored.Commitment.String()[:16])
	if _, err := os.Stat(r.path(erasuresDir, name)); err == nil {
		return false, nil
	}
	e, err := describe(ctx, src, stored.Seq, order)
	if err != nil || e == nil {
		return false, err
	}
	if e.HandOvers, err = ledger.HandOvers(src.Dir); err != nil {
		return false, err
	}
	b, err := json.Marshal(e)
	if err != nil {
		return false, err
	}
	note, err := ledger.Sign(src.Dir, erasureStatement+string(b)+"\n")
	if err != nil {
		return false, err
	}
	data, err := seal(note, to)
	if err != nil {
		return false, err
	}
	return true, r.put(data, erasuresDir, name)
}

// describe reads an order and says what went. It is nil where the order is none.
func describe(ctx context.Context, src Source, completed, order uint64) (*Erasure, error) {
	list, err := src.Journal.Get(ctx, order)
	if err != nil || list[0].Tombstone != nil {
		return nil, err
	}
	rec, err := list[0].Record()
	if err != nil {
		return nil, err
	}
	e := &Erasure{Completed: completed, Ordered: order, Type: rec.Type}
	text := func(name string) string { v, _ := rec.Attributes.Get(name); return v.Str() }
	e.Retention = text("retention")
	switch rec.Type {
	case audit.TypeEraseContainer:
		e.Container = text("container")
		return e, nil
	case audit.TypeEraseRecord, audit.TypeEraseRecords:
		for _, o := range audit.ErasureOrders(rec) {
			e.Records = append(e.Records, ErasedRecord{o.Position, o.Commitment.String()})
		}
		blocks, _ := rec.Attributes.Get(erasure.AttrBlocks)
		for _, a := range blocks.Items() {
			e.Blocks = append(e.Blocks, a.Str())
		}
		return e, nil
	case audit.TypeEraseContent:
		positions, _ := rec.Attributes.Get("positions")
		return e, e.addContent(ctx, src, positions.Items())
	}
	return nil, nil
}

// addContent notes which blocks of records that stay are erased now.
func (e *Erasure) addContent(ctx context.Context, src Source, positions []audit.Value) error {
	for _, v := range positions {
		at, ok := v.Int64()
		if !ok || at < 1 {
			continue
		}
		list, err := src.Journal.Get(ctx, uint64(at))
		if err != nil {
			return err
		}
		if list[0].Tombstone != nil {
			continue // erased since, by an order of its own
		}
		rec, err := list[0].Record()
		if err != nil {
			return err
		}
		e.Records = append(e.Records, ErasedRecord{uint64(at), list[0].Commitment.String()})
		group := erasure.Blocks{Container: rec.Container}
		for _, c := range rec.Content {
			if c.Address == "" {
				continue
			}
			state, err := src.Content.State(ctx, rec.Container, c.Address)
			if err != nil {
				return err
			}
			if state == content.Erased {
				group.Blocks = append(group.Blocks, c.Address)
			}
		}
		if len(group.Blocks) > 0 {
			e.Content = append(e.Content, group)
		}
	}
	return nil
}

// settledCursor is the journal's cursor that names the erasures which a restore carried out again. They belong to a history that
// was lost, at positions that are given anew: without it, the next restore would take them for later than its backup, and
// erase in it what was delivered since the first.
const settledCursor = "tripod/erased-again"

// restoredCursor is the journal's cursor that names the latest restore; see Manifest.Restored.
const restoredCursor = "tripod/restored"

// settledIn reads which erasures a restore carried out again, from the cursors of a backup.
func settledIn(cursors map[string][]byte) (map[string]bool, error) {
	settled := make(map[string]bool)
	var names []string
	if b := cursors[settledCursor]; len(b) > 0 {
		if err := json.Unmarshal(b, &names); err != nil {
			return nil, fmt.Errorf("read which erasures were carried out again: %w", err)
		}
	}
	for _, name := range names {
		settled[name] = true
	}
	return settled, nil
}

// settledNow is the cursor of a journal restored at a position, for which every erasure in the repository is settled.
func (r *Repository) settledNow(position uint64) ([]byte, error) {
	files, err := r.erasureFiles()
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, f := range files {
		if f.completed > position {
			names = append(names, f.name)
		}
	}
	return json.Marshal(names)
}

// erasuresSince reads what was erased after a position, in order, but for what is settled. One that none of the keys signed is
// an error: whoever can write to the repository could order evidence to be destroyed by it.
func (r *Repository) erasuresSince(position uint64, settled map[string]bool, with Identities, keys []string) ([]Erasure, error) {
	files, err := r.erasureFiles()
	if err != nil {
		return nil, err
	}
	var list []Erasure
	for _, f := range files {
		if f.completed <= position || settled[f.name] {
			continue
		}
		e, err := r.readErasure(f, with, keys)
		if err != nil {
			return nil, fmt.Errorf("read the list of erasures: %s: %w", f.name, err)
		}
		list = append(list, *e)
	}
	return list, nil
}

type erasureFile struct {
	name      string
	completed uint64
}

func (r *Repository) erasureFiles() ([]erasureFile, error) {
	entries, err := os.ReadDir(r.path(erasuresDir))
	if err != nil && !missing(err) {
		return nil, fmt.Errorf("list erasures: %w", err)
	}
	var files []erasureFile
	for _, e := range entries {
		digits, _, ok := strings.Cut(strings.TrimSuffix(e.Name(), ".age"), "-")
		n, err := strconv.ParseUint(digits, 10, 63)
		if ok && err == nil && strings.HasSuffix(e.Name(), ".age") {
			files = append(files, erasureFile{e.Name(), n})
		}
	}
	slices.SortFunc(files, func(a, b erasureFile) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

func (r *Repository) readErasure(f erasureFile, with Identities, keys []string) (*Erasure, error) {
	data, err := os.ReadFile(r.path(erasuresDir, f.name))
	if err != nil {
		return nil, err
	}
	note, err := unsealAll(data, with, maxErasure)
	if err != nil {
		return nil, err
	}
	e, err := ParseErasure(note, keys)
	if err == nil && e.Completed != f.completed {
		err = errors.New("it is that of another record")
	}
	return e, err
}

// ParseErasure reads an erasure that one of the keys signed, or one that took over from it by the hand-overs it brings along.
func ParseErasure(note []byte, keys []string) (*Erasure, error) {
	text, _, _ := strings.Cut(string(note), "\n\n") // what is signed ends with the first of the two breaks
	body, ok := strings.CutPrefix(text, erasureStatement)
	if !ok {
		return nil, errors.New("it is none of tripod's")
	}
	var e Erasure
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return nil, err
	}
	if e.Completed == 0 || e.Ordered == 0 || e.Ordered >= e.Completed || len(e.Records) > audit.MaxErased || len(e.HandOvers) > maxHandOvers {
		return nil, errors.New("it is none of tripod's")
	}
	for _, key := range keys {
		c := tiles.NewChain(key, e.HandOvers)
		for _, key := range c.Keys[c.Held:] {
			if signed, err := tiles.OpenStatement(note, key); err == nil && signed == text+"\n" {
				return &e, nil
			}
		}
	}
	return nil, errors.New("the ledger's key did not sign it, and none that it handed over to")
}

// forgetErasures removes what was erased before the oldest backup there is.
func (r *Repository) forgetErasures(oldest uint64) error {
	files, err := r.erasureFiles()
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.completed > oldest {
			continue
		}
		if err := os.Remove(r.path(erasuresDir, f.name)); err != nil && !missing(err) {
			return fmt.Errorf("remove an erasure that every backup knows: %w", err)
		}
	}
	return nil
}
