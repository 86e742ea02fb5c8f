// Package export writes the records that match a query to a file, a terminal or a browser, and says beside them what they
// are: query, time, ledger position, counts, hash, and what was not seen.
//
// It promises: memory is bounded by one page of records, whatever their number and size; what it writes is inert wherever
// it is opened (CSV, Plain); an export that broke off has no Sidecar, so that nobody takes it for whole; one that is called
// complete holds every matching record that the journal had when it began. Durability is for the caller: sync the file
// before writing the sidecar. Order is that of the search view. Concurrency: nothing is shared, each Run stands alone;
// what the search view takes in after it began is not in it.
package export

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// Options say what to export.
type Options struct {
	Query  *search.Query
	Form   Form
	Limit  int // at most so many records; 0 for all
	Oldest bool
	// Wait is how long to wait, before the first page, for a search view that is behind: that of a busy journal always is,
	// by a moment.
	Wait time.Duration
	// Edit, if not nil, changes an item before it is written: it leaves out what who exports may not see.
	Edit func(*reading.Item)
}

// CatchUp is a Wait in which a search view that is kept up to date takes in what was recorded before.
const CatchUp = 3 * time.Second

// Result is what was exported.
type Result struct {
	Records    int
	More       bool               // the limit left records out
	SearchedTo uint64             // position up to which records were looked for
	End        uint64             // position of the journal's newest record when the export began
	Unreadable reading.Unreadable // match and cannot be read, page by page
	SHA256     string             // hex, of all bytes written
}

// pageSize is how many records are in memory at once, at most: large ones are fewer (reading.Reader.Find).
const pageSize = 1000

// Run writes the matching records page by page, up to the position the search view had taken in when it began. After an
// error w holds the beginning of an export.
func Run(ctx context.Context, r *reading.Reader, w io.Writer, o Options) (*Result, error) {
	sum := sha256.New()
	buf := bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10)
	write, err := o.Form(buf)
	if err != nil {
		return nil, fmt.Errorf("write export: %w", err)
	}
	res := new(Result)
	if err := res.reach(ctx, r, o.Wait); err != nil {
		_ = buf.Flush()
		return nil, err
	}
	for page := (search.Page{Oldest: o.Oldest, Limit: pageSize}); ; {
		if o.Limit > 0 {
			page.Limit = min(pageSize, o.Limit-res.Records)
		}
		found, err := r.FindUpTo(ctx, o.Query, page, res.SearchedTo)
		if err != nil {
			_ = buf.Flush() // what was found before is worth showing; the error that counts is the one at hand
			return nil, err
		}
		if err := res.write(found, o.Edit, write); err != nil {
			return nil, fmt.Errorf("write export: %w", err)
		}
		page.Cursor = found.Next
		if page.Cursor == "" || o.Limit > 0 && res.Records == o.Limit {
			break
		}
	}
	if err := buf.Flush(); err != nil {
		return nil, fmt.Errorf("write export: %w", err)
	}
	res.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return res, nil
}

// reach notes how far the journal and the search view have come.
func (res *Result) reach(ctx context.Context, r *reading.Reader, wait time.Duration) (err error) {
	if res.End, err = r.Last(ctx); err != nil {
		return err
	}
	index, err := r.Search(ctx)
	if err != nil {
		return err
	}
	const between = 20 * time.Millisecond // the view may be another process's, so it can only be asked again
	for tries := wait / between; ; tries-- {
		if res.SearchedTo, err = index.Position(ctx); err != nil || res.SearchedTo >= res.End || tries <= 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the search view: %w", ctx.Err())
		case <-time.After(between):
		}
	}
}

func (res *Result) write(page *reading.Page, edit func(*reading.Item), write func(*reading.Item) error) error {
	for i := range page.Items {
		if edit != nil {
			edit(&page.Items[i])
		}
		if err := write(&page.Items[i]); err != nil {
			return err
		}
	}
	res.Records += len(page.Items)
	res.Unreadable = append(res.Unreadable, page.Unreadable...)
	res.More = page.Next != ""
	return nil
}

// Sidecar says what an export is, so that it can be judged without asking. docs/search.md explains the fields.
type Sidecar struct {
	Query        string           `json:"query"`
	Time         time.Time        `json:"time"`
	Version      string           `json:"tripod_version"`
	LedgerSize   uint64           `json:"ledger_size"` // when the export ended
	Checkpoint   string           `json:"checkpoint"`
	Records      int              `json:"records"`
	Limit        int              `json:"limit"`                // 0: none
	SearchedTo   uint64           `json:"searched_to"`          // no record behind this position is in it
	JournalEnd   uint64           `json:"journal_end"`          // newest position when the export began
	Behind       uint64           `json:"index_behind"`         // JournalEnd − SearchedTo
	Complete     bool             `json:"complete"`             // false: the limit left records out, some cannot be read, or the index was behind
	Unreadable   int              `json:"unreadable,omitempty"` // records that match and cannot be read
	SHA256       string           `json:"sha256"`
	Sources      []reading.Source `json:"sources"`
	SourcesExact bool             `json:"sources_exact"` // false: counts are lower bounds, and a source may be missing
	Silent       []string         `json:"silent"`
	NeverSeen    []string         `json:"never_seen"` // sources that have not delivered at all
}

// NewSidecar describes an export that was just written, by a given version of Tripod.
func NewSidecar(ctx context.Context, r *reading.Reader, o Options, res *Result, version string) (*Sidecar, error) {
	now := time.Now().UTC()
	sources, err := r.Sources(ctx)
	if err != nil {
		return nil, fmt.Errorf("describe export: %w", err)
	}
	size, checkpoint, err := r.Checkpoint()
	if err != nil {
		return nil, fmt.Errorf("describe export: %w", err)
	}
	behind := res.End - min(res.End, res.SearchedTo)
	return &Sidecar{
		Query: o.Query.String(), Time: now, Version: version, LedgerSize: size, Checkpoint: checkpoint, Records: res.Records, Limit: o.Limit,
		SearchedTo: res.SearchedTo, JournalEnd: res.End, Behind: behind, Complete: !res.More && len(res.Unreadable) == 0 && behind == 0,
		Unreadable: len(res.Unreadable), SHA256: res.SHA256,
		Sources: sources.List, SourcesExact: sources.Exact, Silent: reading.Silent(sources.List, now), NeverSeen: reading.NeverSeen(sources.List),
	}, nil
}
