package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/export"
)

type importCommand struct {
	File   string  `arg:"" help:"The CSV file as it was downloaded; - for standard input."`
	Data   *string `help:"Data directory (default tripod-data)." env:"TRIPOD_DATA" placeholder:"DIR"`
	Config string  `short:"c" help:"Configuration file, for its capture policy and who may, where no serve runs." env:"TRIPOD_CONFIG" placeholder:"FILE"`
	Org    string  `help:"Organization whose log it is; needed once several are imported." placeholder:"ID"`
	JSON   bool    `help:"Print one JSON object."`
}

func (c *importCommand) Run(ctx context.Context, std streams) error {
	cfg := config.Default()
	if c.Config != "" {
		var err error
		var unreadable *fs.PathError
		if cfg, err = config.Load(c.Config); errors.As(err, &unreadable) {
			return err
		} else if err != nil {
			return usage{err}
		}
	}
	cfg.Override(config.Overrides{Data: c.Data})
	in, size, err := c.open(std)
	if err != nil {
		return err
	}
	defer in.Close()
	name := filepath.Base(c.File)
	if c.File == "-" {
		name = ""
	}
	order := app.ImportOrder{Dir: cfg.Data, Capture: cfg.Capture, Name: name, Org: c.Org}
	if std.terminal {
		order.Note = func(text string) { fmt.Fprintln(std.err, text) }
	}
	spareMemory()
	result, err := app.Import(asked(ctx, c.Config), order, watched(std, in, size))
	if result.Start > 0 {
		err = errors.Join(err, c.print(std, &result))
	}
	switch {
	case errors.Is(err, app.ErrNotExport):
		return wanting{err}
	case errors.Is(err, app.ErrImportOrg):
		return usage{err}
	case err == nil && result.Rows == 0 && result.Unreadable > 0:
		return wanting{errors.New("import: not one row could be read")}
	}
	return err
}

// open opens the file; the size is 0 where nobody knows it.
func (c *importCommand) open(std streams) (in io.ReadCloser, size int64, err error) {
	if c.File == "-" {
		return io.NopCloser(std.in), 0, nil
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, 0, fmt.Errorf("import: %w", err)
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return f, size, nil
}

func (c *importCommand) print(std streams, r *app.ImportResult) error {
	if c.JSON {
		return printJSON(std.out, r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rows: %d, new: %d, known from imports before: %d\n", r.Rows, r.New, r.Known)
	if !r.First.IsZero() {
		fmt.Fprintf(&b, "written between %s and %s; nothing is claimed outside these times\n", export.Stamp(r.First), export.Stamp(r.Last))
	}
	if r.Unreadable > 0 {
		fmt.Fprintf(&b, "lines that could not be read, left out: %d\n", r.Unreadable)
		for _, l := range r.Lines {
			fmt.Fprintf(&b, "  line %d: %s\n", l.Line, plain(l.Why))
		}
		if more := r.Unreadable - len(r.Lines); more > 0 {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
	}
	if r.Malformed > 0 {
		fmt.Fprintf(&b, "rows with something not written as it should be: %d; flag:malformed finds them\n", r.Malformed)
	}
	if r.Unclassified > 0 {
		fmt.Fprintf(&b, "rows of types this build does not know, kept as unclassified: %d (%s)\n", r.Unclassified, plain(strings.Join(r.Types, " ")))
	}
	if r.Record > 0 && r.SHA256 != "" {
		fmt.Fprintf(&b, "on record as %d; the file is SHA-256 %s\n", r.Record, r.SHA256)
	}
	if r.Behind != "" {
		fmt.Fprintf(&b, "stored; search or another view has not taken them all in yet, and goes on: %s\n", plain(r.Behind))
	}
	_, err := io.WriteString(std.out, b.String())
	return err
}

// watched shows on a terminal how much of a file was read.
func watched(std streams, in io.Reader, size int64) io.Reader {
	if !std.terminal || size == 0 {
		return in
	}
	return &progressReader{in: in, size: size, percent: -1, out: std.err}
}

type progressReader struct {
	in      io.Reader
	n, size int64
	percent int64
	out     io.Writer
}

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.in.Read(b)
	p.n += int64(n)
	if now := min(100*p.n/p.size, 100); now != p.percent {
		p.percent = now
		fmt.Fprintf(p.out, "\rread %d %%", now)
		if now == 100 {
			fmt.Fprintln(p.out)
		}
	}
	return n, err
}
