package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/bench/child"
)

// tripod is `tripod serve` as it comes, with nothing but addresses and a data
// directory set.
type tripod struct {
	binary string
	pprof  bool
}

// Gauges on the console's /metrics.
const (
	gaugeJournal = `tripod_journal_last_seq`
	gaugeSearch  = `tripod_view_position{view="search"}`
	gaugeLedger  = `tripod_ledger_size`
)

func (t tripod) name() string { return "tripod" }

func (t tripod) command(p place) (*exec.Cmd, error) {
	cmd := exec.Command(t.binary, "serve", "--data", p.data,
		"--listen-otlp-http", p.http, "--listen-otlp-grpc", p.grpc, "--listen-console", p.console, "--listen-gateway", "")
	cmd.Dir = p.dir
	cmd.Env = child.Environ()
	if t.pprof {
		cmd.Env = append(cmd.Env, "TRIPOD_DEBUG_PPROF=1")
	}
	return cmd, nil
}

func (t tripod) ready(ctx context.Context, p place) error {
	body, err := child.Get(ctx, "http://"+p.console+"/readyz")
	if err != nil {
		return err
	}
	return body.Close()
}

// drained waits until the search view stands at the end of the journal as it
// was after the last acknowledgement. It returns once the ledger stands there
// too, so that its work is counted.
func (t tripod) drained(ctx context.Context, p place, o outcome) (time.Time, error) {
	var end float64
	var findable time.Time
	for {
		now := time.Now()
		g, err := child.Gauges(ctx, "http://"+p.console+"/metrics")
		if err != nil {
			return time.Time{}, err
		}
		for _, name := range []string{gaugeJournal, gaugeSearch, gaugeLedger} {
			if _, ok := g[name]; !ok {
				return time.Time{}, fmt.Errorf("no %s in /metrics", name)
			}
		}
		if end == 0 {
			end = g[gaugeJournal]
		}
		if end < float64(o.records) {
			return time.Time{}, fmt.Errorf("the journal holds %v records, %d were acknowledged", end, o.records)
		}
		if findable.IsZero() && g[gaugeSearch] >= end {
			findable = now
		}
		if !findable.IsZero() && g[gaugeLedger] >= end {
			return findable, nil
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("of %v records search has %v and the ledger %v: %w", end, g[gaugeSearch], g[gaugeLedger], ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// verify asks the command line, as a person would.
func (t tripod) verify(ctx context.Context, p place) (kept, distinct int, err error) {
	cmd := exec.CommandContext(ctx, t.binary, "search", "--data", p.data, "--json", "--limit", "0", "source:otel.log")
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	kept, distinct, err = countRecords(out)
	if werr := cmd.Wait(); werr != nil {
		err = errors.Join(err, fmt.Errorf("tripod search: %w: %s", werr, problems.String()))
	}
	return kept, distinct, err
}

// countRecords counts what `tripod search --json` prints.
func countRecords(r io.Reader) (kept, distinct int, err error) {
	seen := map[identity]struct{}{}
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	for in.Scan() {
		var rec struct {
			Keys struct {
				Session string `json:"session"`
			} `json:"keys"`
			Sequence *int64 `json:"sequence"`
		}
		if err := json.Unmarshal(in.Bytes(), &rec); err != nil {
			return kept, len(seen), fmt.Errorf("record %d: %w", kept+1, err)
		}
		if rec.Sequence == nil || rec.Keys.Session == "" {
			return kept, len(seen), fmt.Errorf("record %d has no session or sequence", kept+1)
		}
		kept++
		seen[identity{rec.Keys.Session, *rec.Sequence}] = struct{}{}
	}
	return kept, len(seen), in.Err()
}

// profileDuring profiles the server while it is under load, if it offers
// profiles, into prefix.cpu.pprof and prefix.allocs.pprof. The function
// returned waits for the first and fetches the second.
func (t tripod) profileDuring(ctx context.Context, p place, prefix string) func() error {
	profiles := "http://" + p.console + "/debug/pprof/"
	done := make(chan error, 1)
	go func() { done <- child.Save(ctx, profiles+"profile?seconds=5", prefix+".cpu.pprof") }()
	return func() error {
		return errors.Join(<-done, child.Save(ctx, profiles+"allocs", prefix+".allocs.pprof"))
	}
}
