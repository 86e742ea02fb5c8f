// Package export writes the records that match a query to a file, a terminal or a browser, and says beside them what they
// are: query, time, ledger position, counts, hash, and what was not seen.
//
// It promises: memory is bounded by one page of records, whatever their number; what it writes is inert wherever it is
// opened (CSV, Plain); an export that broke off has no Sidecar, so that nobody takes it for whole. Durability is for the
// caller: sync the file before writing the sidecar. Order is that of the search view. Concurrency: nothing is shared, each
// Run stands alone; records that arrive meanwhile may or may not be in it.
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
}

// Result is what was exported.
type Result struct {
	Records    int
	More       bool               // the limit left records out
	Unreadable reading.Unreadable // match and cannot be read, page by page
	SHA256     string             // hex, of all bytes written
}

// pageSize is how many records are in memory at once.
const pageSize = 1000

// Run writes the matching records page by page. After an error w holds the beginning of an export.
func Run(ctx context.Context, r *reading.Reader, w io.Writer, o Options) (*Result, error) {
	sum := sha256.New()
	buf := bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10)
	write, err := o.Form(buf)
	if err != nil {
		return nil, fmt.Errorf("write export: %w", err)
	}
	res := new(Result)
	for page := (search.Page{Oldest: o.Oldest, Limit: pageSize}); ; {
		if o.Limit > 0 {
			page.Limit = min(pageSize, o.Limit-res.Records)
		}
		found, err := r.Find(ctx, o.Query, page)
		if err != nil {
			_ = buf.Flush() // what was found before is worth showing; the error that counts is the one at hand
			return nil, err
		}
		if err := res.write(found, write); err != nil {
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

func (res *Result) write(page *reading.Page, write func(*reading.Item) error) error {
	for i := range page.Items {
		if err := write(&page.Items[i]); err != nil {
			return err
		}
	}
	res.Records += len(page.Items)
	res.Unreadable = append(res.Unreadable, page.Unreadable...)
	res.More = page.Next != ""
	return nil
}

// Sidecar says what an export is, so that it can be judged without asking.
type Sidecar struct {
	Query      string           `json:"query"`
	Time       time.Time        `json:"time"`
	Version    string           `json:"tripod_version"`
	LedgerSize uint64           `json:"ledger_size"`
	Checkpoint string           `json:"checkpoint"`
	Records    int              `json:"records"`
	Limit      int              `json:"limit"`    // 0: none
	Complete   bool             `json:"complete"` // false: the limit left records out, some cannot be read, or the index was behind
	Behind     uint64           `json:"index_behind"`
	Unreadable int              `json:"unreadable,omitempty"` // records that match and cannot be read
	SHA256     string           `json:"sha256"`
	Sources    []reading.Source `json:"sources"`
	Silent     []string         `json:"silent"`
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
	behind, err := r.Behind(ctx)
	if err != nil {
		return nil, fmt.Errorf("describe export: %w", err)
	}
	return &Sidecar{
		Query: o.Query.String(), Time: now, Version: version, LedgerSize: size, Checkpoint: checkpoint, Records: res.Records, Limit: o.Limit,
		Complete: !res.More && len(res.Unreadable) == 0 && behind == 0, Behind: behind, Unreadable: len(res.Unreadable),
		SHA256: res.SHA256, Sources: sources, Silent: reading.Silent(sources, now),
	}, nil
}
