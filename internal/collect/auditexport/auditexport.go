// Package auditexport imports the CSV file that claude.ai's audit log export gives: records of the source audit_export.
//
// Source: https://support.claude.com/en/articles/9970975-access-audit-logs.
//
// It promises: each row enters the journal exactly once, however often it is imported, in one file or in several that
// overlap, and wherever an import was cut short; what Import counted as new or known is durable when it returns, be it
// with an error. A line that cannot be read is named and the rest is read. Records come in the file's order. Memory is
// bounded by some thousand rows, and by some twenty bytes for each row of the file. An Importer is safe for concurrent
// use: it imports one file at a time.
package auditexport

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/auditexport/file"
	"github.com/tripod-audit/tripod/internal/collect/auditexport/normalise"
	"github.com/tripod-audit/tripod/internal/intake"
)

// What an import may take.
const (
	batchRows  = 1000
	batchBytes = 4 << 20   // of rows as they are in the file
	mostRows   = 8_000_000 // of one file: they are counted in memory
	mostNamed  = 20        // lines, and unknown types, that a result names
)

// ErrOrg wraps every reason why an order's organisation does not fit the imports before.
var ErrOrg = errors.New("organisation")

// Door is what an import needs of intake.
type Door interface {
	Submit(ctx context.Context, d intake.Delivery) (intake.Receipt, error)
	Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error)
}

// Cursors is what an import needs of the journal.
type Cursors interface {
	Cursor(ctx context.Context, name string) ([]byte, error)
}

// Importer imports files.
type Importer struct {
	door    Door
	cursors Cursors
	batch   int        // rows of one delivery
	one     sync.Mutex // held while a file is imported
}

// New makes an importer.
func New(door Door, cursors Cursors) *Importer {
	return &Importer{door: door, cursors: cursors, batch: batchRows}
}

// Order orders an import.
type Order struct {
	Name string         // of the file; goes on record as content
	Org  string         // vendor organisation id whose log it is, "" for that of the imports before
	By   audit.Identity // who ordered it, as far as it is proved
}

// Line is a line that could not be read.
type Line struct {
	Line int    `json:"line"`
	Why  string `json:"why"`
}

// Result tells what became of a file.
type Result struct {
	Org          string    `json:"org,omitempty"`
	SHA256       string    `json:"sha256,omitempty"` // of the file; only where it was read to its end
	Bytes        int64     `json:"bytes"`
	Rows         int       `json:"rows"` // that could be read
	New          int       `json:"new"`
	Known        int       `json:"known"` // imported before
	Unreadable   int       `json:"unreadable"`
	Lines        []Line    `json:"lines,omitempty"` // the first that could not be read
	Malformed    int       `json:"malformed"`       // rows of which something could not be read as what it should be
	Unclassified int       `json:"unclassified"`    // rows of types this build does not know
	Types        []string  `json:"types,omitempty"` // the first of those types
	First        time.Time `json:"first,omitzero"`  // earliest time of a row
	Last         time.Time `json:"last,omitzero"`
	Start        uint64    `json:"start"`            // position of the record that says the import began
	Record       uint64    `json:"record,omitempty"` // position of the record that says how it ended
}

// Import imports one file. That it begins is on record before its first row, and how it ended behind its last. After an
// error, import the file again: what is in the journal is recognised. Errors wrap file.ErrNotExport where the file is
// something else, ErrOrg where the organisation does not fit, intake.ErrUnavailable where nothing can be stored.
func (x *Importer) Import(ctx context.Context, in io.Reader, o Order) (Result, error) {
	x.one.Lock()
	defer x.one.Unlock()
	counted := &countingReader{in: in, sum: sha256.New()}
	reader, err := file.NewReader(counted)
	if err != nil {
		return Result{}, fmt.Errorf("import: %w", err)
	}
	org, orgs, err := x.organisation(ctx, o.Org)
	if err != nil {
		return Result{}, err
	}
	o.Org = org
	run := &run{door: x.door, batch: x.batch, reader: reader, origin: normalise.Origin{Org: org, Received: time.Now().UTC()}, equals: newEquals()}
	run.result.Org = org
	if run.result.Start, err = x.begin(ctx, o, orgs); err != nil {
		return run.result, err
	}
	err = run.rows(ctx)
	run.result.Bytes = counted.n
	if err == nil {
		run.result.SHA256 = audit.Hex(counted.sum.Sum(nil))
	}
	return run.result, errors.Join(err, x.end(context.WithoutCancel(ctx), o, &run.result, err))
}

// cursorOrgs remembers whose logs were imported, as a JSON list; "" is in it where an import named none.
const cursorOrgs = "audit_export/orgs"

// organisation tells whose log a file is, and the list of those imported once this one is. The organisation is part of
// what rows are recognised by, so a log must not be imported now under one and now under another.
func (x *Importer) organisation(ctx context.Context, named string) (org string, orgs []byte, err error) {
	value, err := x.cursors.Cursor(ctx, cursorOrgs)
	if err != nil {
		return "", nil, fmt.Errorf("import: %w", err)
	}
	var before []string
	if value != nil {
		if err := json.Unmarshal(value, &before); err != nil {
			return "", nil, fmt.Errorf("import: read whose logs were imported: %w", err)
		}
	}
	switch {
	case named != "" && !file.IsName(named):
		return "", nil, fmt.Errorf("import: %w: %q is no organisation id", ErrOrg, named)
	case named != "" && slices.Contains(before, ""):
		return "", nil, fmt.Errorf("import: %w: earlier imports here named none; leave it out, or rows of theirs are recorded a second time", ErrOrg)
	case named == "" && len(before) == 1:
		named = before[0]
	case named == "" && len(before) > 1:
		return "", nil, fmt.Errorf("import: %w: name whose log it is with --org; imported so far: %q", ErrOrg, before)
	}
	if !slices.Contains(before, named) {
		before = append(before, named)
	}
	orgs, err = json.Marshal(before)
	return named, orgs, err
}

// run is the import of one file.
type run struct {
	door   Door
	reader *file.Reader
	batch  int
	origin normalise.Origin
	equals equals
	drafts []intake.Draft
	bytes  int
	result Result
}

// rows imports every row.
func (r *run) rows(ctx context.Context) error {
	for {
		row, err := r.reader.Next()
		var unreadable *file.LineError
		switch {
		case errors.Is(err, io.EOF):
			return r.submit(ctx)
		case errors.As(err, &unreadable):
			r.unreadable(unreadable)
			continue
		case err != nil:
			return errors.Join(fmt.Errorf("import: read the file: %w", err), r.submit(ctx))
		}
		if r.result.Rows+len(r.drafts) == mostRows {
			err := fmt.Errorf("import: more than %d rows: split the file behind line %d, where created_at changes, and import the parts", mostRows, row.Line)
			return errors.Join(err, r.submit(ctx))
		}
		r.add(&row)
		if len(r.drafts) >= r.batch || r.bytes >= batchBytes {
			if err := r.submit(ctx); err != nil {
				return err
			}
		}
	}
}

func (r *run) unreadable(e *file.LineError) {
	if r.result.Unreadable++; len(r.result.Lines) < mostNamed {
		r.result.Lines = append(r.result.Lines, Line{e.Line, e.Why})
	}
}

// add makes a row's draft.
func (r *run) add(row *file.Row) {
	d := normalise.Row(row, r.origin)
	// Rows that say the same have the same time, so that a file has all of them or none: which of them one is, is the same
	// in every file.
	form := binary.AppendUvarint(d.Identity, r.equals.next(d.Identity))
	pieces := make([]intake.Piece, len(d.Pieces))
	for i, p := range d.Pieces {
		pieces[i] = intake.Piece{Name: p.Name, Class: p.Class, Kind: p.Kind, Value: p.Value, Bytes: p.Bytes, Truncated: p.Truncated}
	}
	r.drafts = append(r.drafts, intake.Draft{Record: d.Record, Pieces: pieces, Form: form, Forever: true})
	r.bytes += len(row.Raw)
}

// submit makes what was gathered durable, and only then counts it.
func (r *run) submit(ctx context.Context) error {
	if len(r.drafts) == 0 {
		return nil
	}
	tally := r.result
	for i := range r.drafts {
		tally.count(r.drafts[i].Record)
	}
	receipt, err := r.door.Submit(ctx, intake.Delivery{Drafts: r.drafts})
	if err != nil {
		return fmt.Errorf("import: %w: import the file again, what was stored is recognised", err)
	}
	tally.Known += receipt.Duplicates
	tally.New += len(r.drafts) - receipt.Duplicates
	r.result = tally
	r.drafts, r.bytes = nil, 0
	return nil
}

// count counts a row that could be read.
func (r *Result) count(rec *audit.Record) {
	r.Rows++
	if rec.HasFlag(audit.FlagMalformed) {
		r.Malformed++
	}
	if rec.HasFlag(audit.FlagUnknownType) {
		r.Unclassified++
		if len(r.Types) < mostNamed && !slices.Contains(r.Types, rec.Type) {
			r.Types = append(r.Types, rec.Type)
		}
	}
	if rec.HasFlag(audit.FlagNoTime) {
		return
	}
	if r.First.IsZero() || rec.Occurred.Before(r.First) {
		r.First = rec.Occurred
	}
	if rec.Occurred.After(r.Last) {
		r.Last = rec.Occurred
	}
}

// equals counts the rows of a file that say the same. It keeps eight bytes of a digest of each: should two rows in many
// millions share them, the later one is taken for a second of its kind and recorded all the same.
type equals struct {
	seen  map[uint64]struct{}
	again map[uint64]uint64
}

func newEquals() equals { return equals{make(map[uint64]struct{}), make(map[uint64]uint64)} }

// next tells how many rows of this identity came before.
func (e *equals) next(identity []byte) uint64 {
	sum := sha256.Sum256(identity)
	id := binary.BigEndian.Uint64(sum[:])
	if _, ok := e.seen[id]; !ok {
		e.seen[id] = struct{}{}
		return 0
	}
	e.again[id]++
	return e.again[id]
}

// countingReader counts and hashes what is read.
type countingReader struct {
	in  io.Reader
	n   int64
	sum hash.Hash
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	c.sum.Write(p[:n])
	return n, err
}
