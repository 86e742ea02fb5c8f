package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/reading"
)

// Finding is one thing a check looked at. Fix says what to do where OK is false.
type Finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
	// Details are what a check found out, for machines; nil where the text says it all.
	Details any `json:"details,omitempty"`
}

// lowDisk is the free space below which a data directory is in danger, in bytes.
const lowDisk = 1 << 30

// Examine checks a data directory, its serve if one runs, and what the keys for the Compliance API may do: those of serve,
// or of the configuration where none runs. It changes nothing; its calls to the API go on record as any other.
func Examine(ctx context.Context, dir string, cfg config.Config) []Finding {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return []Finding{{Check: "data directory", Text: fmt.Sprintf("%s is not there", dir), Fix: "name it with --data, or start tripod serve, which creates it"}}
	}
	findings := []Finding{checkMode(dir, 0o077, "data directory", "chmod 700 "+dir), checkDisk(dir)}
	findings = append(findings, checkKeys(dir)...)
	findings = append(findings, CheckKeys(ctx, dir)...)
	findings = append(findings, checkBackups(cfg))
	findings = append(findings, checkServe(ctx, dir)...)
	findings = append(findings, examineGateway(ctx, dir)...)
	findings = append(findings, examineCompliance(ctx, dir, cfg)...)
	return append(findings, checkStores(ctx, dir)...)
}

func checkMode(path string, forbidden os.FileMode, check, fix string) Finding {
	info, err := os.Stat(path)
	if err != nil {
		return Finding{Check: check, Text: err.Error(), Fix: "restore it from a backup"}
	}
	f := Finding{Check: check, OK: info.Mode().Perm()&forbidden == 0, Text: fmt.Sprintf("%s, mode %04o", path, info.Mode().Perm())}
	if !f.OK {
		f.Fix = fix
	}
	return f
}

func checkDisk(dir string) Finding {
	free, err := freeSpace(dir)
	if err != nil {
		return Finding{Check: "disk", Text: err.Error(), Fix: "check the file system of " + dir}
	}
	f := Finding{Check: "disk", OK: free >= lowDisk, Text: fmt.Sprintf("%.1f GiB free", float64(free)/(1<<30))}
	if !f.OK {
		f.Fix = "free space: a full disk refuses new records until there is room"
	}
	return f
}

func checkKeys(dir string) []Finding {
	var findings []Finding
	for _, name := range []string{keyring.FileName, keyring.WrapFile, "ledger.key"} {
		path := filepath.Join(dir, keyring.Dir, name)
		if name == keyring.FileName && (os.Getenv(keyring.EnvKey) != "" || os.Getenv(keyring.EnvFile) != "") {
			findings = append(findings, Finding{Check: "master key", OK: true, Text: "from the environment"})
			continue
		}
		findings = append(findings, checkMode(path, 0o077, "key "+name, "chmod 600 "+path))
	}
	return findings
}

// checkServe asks a running serve for its conditions; that none runs is said and is no fault.
func checkServe(ctx context.Context, dir string) []Finding {
	addrs, err := ReadAddrs(dir)
	if err != nil || addrs.Console == "" {
		return []Finding{{Check: "serve", OK: true, Text: "not running on this data directory"}}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	status, err := askHealth(ctx, addrs.Console)
	if err != nil {
		return []Finding{{
			Check: "serve", Text: fmt.Sprintf("process %d does not answer at %s: %v", addrs.PID, addrs.Console, err),
			Fix: "if it was killed, start tripod serve again: nothing acknowledged is lost",
		}}
	}
	findings := []Finding{{Check: "serve", OK: true, Text: fmt.Sprintf("running, process %d, %s", addrs.PID, addrs.Console)}}
	for source, progress := range status.Backlog {
		findings = append(findings, Finding{Check: "source " + source, OK: true, Text: "reading what happened before: " + progress})
	}
	for _, c := range status.Conditions {
		findings = append(findings, Finding{Check: c.Code, Text: fmt.Sprintf("%s since %s", c.Severity, c.Since.Format(time.RFC3339)), Fix: c.Text})
	}
	return findings
}

func askHealth(ctx context.Context, console string) (s Status, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, console+"/healthz", nil)
	if err != nil {
		return s, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return s, err
	}
	if res.StatusCode != http.StatusOK {
		return s, fmt.Errorf("answered %s", res.Status)
	}
	return s, json.Unmarshal(b, &s)
}

// checkStores holds journal, ledger and views against each other by their lengths; tripod verify looks at every record.
func checkStores(ctx context.Context, dir string) (findings []Finding) {
	r, err := OpenReading(ctx, dir)
	if err != nil {
		return []Finding{{Check: "stores", Text: err.Error(), Fix: "start tripod serve once, or restore the data directory"}}
	}
	defer func() {
		if err := r.Close(); err != nil {
			findings = append(findings, Finding{Check: "stores", Text: err.Error(), Fix: "check the file system of " + dir})
		}
	}()
	last, err := r.Last(ctx)
	if err != nil {
		return []Finding{{Check: "journal", Text: err.Error(), Fix: "run tripod verify"}}
	}
	findings = append(findings, Finding{Check: "journal", OK: true, Text: fmt.Sprintf("%d records", last)}, checkLedger(dir, last))
	index, err := r.index.get(ctx)
	findings = append(findings, checkView(ctx, "search", last, index, err))
	found, err := r.found.get(ctx)
	findings = append(findings, checkView(ctx, "correlate", last, found, err))
	org, err := r.org.get(ctx)
	findings = append(findings, checkView(ctx, "organisation", last, org, err))
	fired, err := r.fired.get(ctx)
	findings = append(findings, checkView(ctx, "detect", last, fired, err))
	findings = append(findings, checkRetention(ctx, r, dir)...)
	sources, err := r.Sources(ctx)
	var view *reading.ViewError
	switch {
	case errors.As(err, &view):
		return findings // said above
	case err != nil:
		return append(findings, Finding{Check: "sources", Text: err.Error(), Fix: "run tripod verify"})
	}
	for _, s := range sources.List {
		findings = append(findings, Finding{Check: "source " + string(s.Source), OK: true, Text: fmt.Sprintf("%d records, last recorded %s", s.Records, s.Last.Format(time.RFC3339))})
	}
	return findings
}

func checkLedger(dir string, last uint64) Finding {
	head, err := ledger.Head(dir)
	if err != nil {
		return Finding{Check: "ledger", Text: err.Error(), Fix: "start tripod serve, which signs a checkpoint; if one was there before, run tripod recover"}
	}
	f := Finding{Check: "ledger", OK: head.Size <= last, Text: fmt.Sprintf("%d records under a signed checkpoint", head.Size)}
	if !f.OK {
		f.Fix = "the journal is an older copy: run tripod recover"
	}
	return f
}

// checkView calls a view that is far behind a fault; a moment's lag is normal while serve runs.
func checkView(ctx context.Context, name string, last uint64, view interface {
	Position(context.Context) (uint64, error)
}, err error) Finding {
	check := "view " + name
	var at uint64
	if err == nil {
		at, err = view.Position(ctx)
	}
	if err != nil {
		return Finding{Check: check, Text: err.Error(), Fix: "run tripod rebuild " + name}
	}
	f := Finding{Check: check, OK: at+10_000 >= last, Text: fmt.Sprintf("at %d of %d", at, last)}
	if !f.OK {
		f.Fix = "start tripod serve, which catches up, or run tripod rebuild " + name
	}
	return f
}

// ErrUnwell says that a check failed.
var ErrUnwell = errors.New("not everything is in order")
