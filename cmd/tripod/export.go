package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/journal"
)

// export is where a search writes: standard output, or a file that gets a sidecar.
type export struct {
	*bufio.Writer
	file *os.File // nil for standard output
	sum  hash.Hash
}

func openExport(path string, std streams) (*export, error) {
	if path == "" {
		return &export{Writer: bufio.NewWriter(std.out)}, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create export: %w: name a new file", err)
	}
	e := &export{file: f, sum: sha256.New()}
	e.Writer = bufio.NewWriter(io.MultiWriter(f, e.sum))
	return e, nil
}

// sidecar says what an export is, so that it can be judged without asking.
type sidecar struct {
	Query      string       `json:"query"`
	Time       time.Time    `json:"time"`
	Version    string       `json:"tripod_version"`
	LedgerSize uint64       `json:"ledger_size"`
	Checkpoint string       `json:"checkpoint"`
	Records    int          `json:"records"`
	Limit      int          `json:"limit"`    // 0: none
	Complete   bool         `json:"complete"` // false: the limit left records out, or the index was behind
	Behind     uint64       `json:"index_behind"`
	SHA256     string       `json:"sha256"`
	Sources    []app.Source `json:"sources"`
	Silent     []string     `json:"silent"`
}

// abandon leaves no sidecar beside an export that broke off, so that nobody takes it for whole.
func (e *export) abandon() error {
	if e.file == nil {
		return e.Flush()
	}
	return e.file.Close()
}

func (e *export) close(ctx context.Context, r *app.Reading, query string, n, limit int, more bool) error {
	if err := e.Flush(); err != nil || e.file == nil {
		return err
	}
	if err := errors.Join(e.file.Sync(), e.file.Close()); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	sources, err := r.Sources(ctx)
	if err != nil {
		return err
	}
	size, checkpoint, err := r.Checkpoint()
	if err != nil {
		return err
	}
	behind, err := r.Behind(ctx)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(sidecar{
		Query: query, Time: time.Now().UTC(), Version: version(), LedgerSize: size, Checkpoint: checkpoint, Records: n,
		Limit: limit, Complete: !more && behind == 0, Behind: behind,
		SHA256: hex.EncodeToString(e.sum.Sum(nil)), Sources: sources, Silent: app.Silent(sources),
	}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(e.file.Name()+".meta.json", append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write sidecar: %w", err)
	}
	return nil
}

var csvColumns = []string{
	"seq", "occurred", "recorded", "source", "surface", "activity", "type", "outcome", "tool", "mcp", "model", "user_asserted", "user_proved",
	"credential", "device", "org", "ip", "session", "prompt", "request", "tool_use", "flags",
}

// csvWriter writes records as CSV for spreadsheets.
type csvWriter struct{ w *csv.Writer }

// newCSV writes the header and returns what writes one record.
func newCSV(w io.Writer) (func(*journal.Stored) error, error) {
	c := &csvWriter{w: csv.NewWriter(w)}
	if err := c.w.Write(csvColumns); err != nil {
		return nil, err
	}
	c.w.Flush()
	return c.record, c.w.Error()
}

func (c *csvWriter) record(s *journal.Stored) error {
	r, err := s.Record()
	if err != nil {
		return err
	}
	a, p := &r.Account.Asserted, &r.Account.Proved
	row := []string{
		strconv.FormatUint(s.Seq, 10), stamp(r.Occurred), stamp(r.Recorded), string(r.Source), string(r.Surface), string(r.Activity), r.Type,
		string(r.Outcome), r.Tool, r.MCP, r.Model, first(a.Email, a.User, a.UUID, a.Subject), first(p.Email, p.User, p.UUID, p.Subject, p.Service),
		p.Credential, a.Device, a.Org, r.IP, r.Keys.Session, r.Keys.Prompt, r.Keys.Request, r.Keys.ToolUse, strings.Join(r.Flags, " "),
	}
	for i := range row {
		row[i] = defuse(row[i])
	}
	if err := c.w.Write(row); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

// defuse keeps a spreadsheet from running what was recorded: a cell that would be read as a formula starts with an
// apostrophe (https://owasp.org/www-community/attacks/CSV_Injection).
func defuse(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + plain(cell)
	}
	return plain(cell)
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
