package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// format is the version of the repository's format.
const format = 1

// Manifest says what one backup consists of. Its JSON form is stable.
type Manifest struct {
	Format     int       `json:"format"`
	ID         string    `json:"id"`
	Time       time.Time `json:"time"`
	Previous   string    `json:"previous,omitempty"`
	Origin     string    `json:"origin"`      // of the ledger
	Key        string    `json:"key"`         // verifier key of the ledger, as the data directory had it
	Position   uint64    `json:"position"`    // the newest record in it
	LedgerSize uint64    `json:"ledger_size"` // records the checkpoint was signed over; at most Position
	Checkpoint string    `json:"checkpoint"`  // signed
	HandOvers  []string  `json:"hand_overs,omitempty"`
	KeyFile    string    `json:"key_file"` // SHA-256 of keys/ID.age, which may be gone by now
	MasterFile string    `json:"master_file,omitempty"`
	// Restored names the restore that the directory goes back to; "" for none. Positions behind it stand for other records than before.
	Restored string `json:"restored,omitempty"`
	Parts    []Part `json:"parts"`
}

// Kind is what a part holds.
type Kind string

// The kinds.
const (
	KindJournal Kind = "journal" // rows of positions First to Last
	KindLasting Kind = "lasting" // ids remembered for ever, of positions First to Last
	KindCursors Kind = "cursors"
	KindLeaves  Kind = "leaves" // commitments of positions First to Last
	KindPlaces  Kind = "places" // places of blocks under the keys First to Last
	KindBlocks  Kind = "blocks" // bodies of blocks First to Last
	KindRetired Kind = "retired"
)

// Part is one stretch of one kind.
type Part struct {
	Kind   Kind   `json:"kind"`
	First  uint64 `json:"first,omitempty"`
	Last   uint64 `json:"last,omitempty"`
	Raw    int64  `json:"raw"`    // bytes before compression
	Sealed int64  `json:"sealed"` // bytes in the repository
	Digest string `json:"digest"` // SHA-256 before compression
	Object string `json:"object"` // SHA-256 as sealed, which is its name
}

// Bounds of what a manifest may promise; a part holds at least one row, and a block may be large.
const (
	maxManifest = 256 << 20
	maxRaw      = 1 << 30
	maxParts    = 1 << 20
)

var idPattern = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9a-f]{8}$`)

func validID(id string) bool { return idPattern.MatchString(id) }

// ParseManifest reads a manifest and checks its form. Who signed it is checked elsewhere.
func ParseManifest(b []byte) (*Manifest, error) {
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if m.Format > format {
		return nil, fmt.Errorf("read manifest: its format is %d, this build knows %d: use the newer tripod", m.Format, format)
	}
	if m.Format < 1 || !validID(m.ID) || m.Previous != "" && !validID(m.Previous) || len(m.Parts) > maxParts || m.LedgerSize > m.Position || !isDigest(m.KeyFile) {
		return nil, errors.New("read manifest: it is none of tripod's")
	}
	head, err := tiles.ParseCheckpoint([]byte(m.Checkpoint))
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", m.ID, err)
	}
	if head.Origin != m.Origin || head.Size != m.LedgerSize {
		return nil, fmt.Errorf("read manifest %s: it is not of its checkpoint", m.ID)
	}
	next := map[Kind]uint64{KindJournal: 1, KindLeaves: 1, KindLasting: 1}
	for i, p := range m.Parts {
		if p.Raw < 0 || p.Raw > maxRaw || p.Last < p.First || !isDigest(p.Digest) || !isDigest(p.Object) {
			return nil, fmt.Errorf("read manifest %s: part %d is none", m.ID, i)
		}
		want, dense := next[p.Kind]
		if dense && p.First != want || p.First < want {
			return nil, fmt.Errorf("read manifest %s: part %d, %s from %d on, does not follow %d", m.ID, i, p.Kind, p.First, want)
		}
		next[p.Kind] = p.Last + 1
	}
	if next[KindJournal] != m.Position+1 || next[KindLeaves] != m.LedgerSize+1 {
		return nil, fmt.Errorf("read manifest %s: its parts do not reach its position", m.ID)
	}
	return &m, nil
}

// of lists the parts of a kind, in order.
func (m *Manifest) of(kind Kind) []Part {
	if m == nil {
		return nil
	}
	var list []Part
	for _, p := range m.Parts {
		if p.Kind == kind {
			list = append(list, p)
		}
	}
	return list
}

// Sealed is how many bytes in the repository the backup's parts take, shared ones included.
func (m *Manifest) Sealed() (n int64) {
	for _, p := range m.Parts {
		n += p.Sealed
	}
	return n
}

const manifestStatement = "tripod-backup/v1\n"

// statement is what is signed of a manifest.
func statement(b []byte) string { return manifestStatement + digestOf(b) + "\n" }

// putManifest signs a manifest and puts it in place; with that the backup is made.
func (r *Repository) putManifest(m *Manifest, dataDir string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	if len(b) > maxManifest {
		return fmt.Errorf("write manifest: %d bytes are too many", len(b))
	}
	sig, err := ledger.Sign(dataDir, statement(b))
	if err != nil {
		return err
	}
	if err := r.put(sig, backupsDir, m.ID+".sig"); err != nil {
		return err
	}
	return r.put(b, backupsDir, m.ID+".json")
}

// Manifest reads a backup's manifest and checks that the key it names signed it.
func (r *Repository) Manifest(id string) (*Manifest, error) {
	if !validID(id) {
		return nil, fmt.Errorf("backup %q: %w", id, ErrNoBackup)
	}
	b, err := os.ReadFile(r.path(backupsDir, id+".json"))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	m, err := ParseManifest(b)
	if err != nil {
		return nil, err
	}
	if m.ID != id {
		return nil, fmt.Errorf("read manifest %s: it is that of backup %s", id, m.ID)
	}
	sig, err := os.ReadFile(r.path(backupsDir, id+".sig"))
	if err != nil {
		return nil, fmt.Errorf("read the signature of manifest %s: %w", id, err)
	}
	text, err := tiles.OpenStatement(sig, m.Key)
	if err != nil || text != statement(b) {
		return nil, fmt.Errorf("manifest %s is not signed by the key %s, which it names: it was altered", id, tiles.KeyName(m.Key))
	}
	if _, err := tiles.OpenCheckpoint([]byte(m.Checkpoint), m.Key); err != nil {
		return nil, fmt.Errorf("manifest %s: its checkpoint is not signed by the key %s", id, tiles.KeyName(m.Key))
	}
	return m, nil
}

// Newest is the newest backup's manifest; an error that wraps ErrNoBackup where there is none.
func (r *Repository) Newest() (*Manifest, error) {
	ids, err := r.ids()
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s: %w", r.dir, ErrNoBackup)
	}
	return r.Manifest(ids[len(ids)-1])
}

// List reads every manifest, oldest first. Those that cannot be read come as errors.
func (r *Repository) List() (list []*Manifest, bad []error, err error) {
	ids, err := r.ids()
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		m, err := r.Manifest(id)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		list = append(list, m)
	}
	return list, bad, nil
}
