package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// collector is the OpenTelemetry Collector with an OTLP receiver that writes
// straight into the file exporter, both with their defaults.
type collector struct{ binary string }

// Its own metrics are off, which saves it a little work, and a port.
const collectorConfig = `receivers:
  otlp:
    protocols:
      http: {endpoint: %q}
      grpc: {endpoint: %q}
exporters:
  file: {path: %q}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    logs: {receivers: [otlp], exporters: [file]}
`

// quiet is how long the collector's file must not grow to count as whole: the
// file exporter flushes its buffer every second.
const quiet = 2500 * time.Millisecond

func (c collector) name() string { return "collector" }

func (c collector) file(p place) string { return filepath.Join(p.data, "logs.json") }

func (c collector) command(p place) (*exec.Cmd, error) {
	path := filepath.Join(p.dir, "collector.yaml")
	err := os.WriteFile(path, fmt.Appendf(nil, collectorConfig, p.http, p.grpc, c.file(p)), 0o600)
	return exec.Command(c.binary, "--config", path), err
}

func (c collector) ready(ctx context.Context, p place) error {
	for _, addr := range []string{p.http, p.grpc} {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		conn.Close()
	}
	return nil
}

// drained watches the size of the file: reading it would cost time that is
// not the collector's. That the file was whole is known once it is verified.
func (c collector) drained(ctx context.Context, p place, o outcome) (time.Time, error) {
	last, size := o.lastAck, int64(-1)
	for {
		info, err := os.Stat(c.file(p))
		if err != nil {
			return time.Time{}, err
		}
		now := time.Now()
		if size >= 0 && info.Size() != size {
			last = now
		}
		size = info.Size()
		if now.Sub(last) > quiet {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (c collector) verify(_ context.Context, p place) (kept, distinct int, err error) {
	f, err := os.Open(c.file(p))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	return countOTLP(f)
}

// identity is what tells the records of a workload apart.
type identity struct {
	session  string
	sequence int64
}

// countOTLP counts the log records in lines of OTLP/JSON as the file exporter
// writes them. A quote inside a value is escaped there, so the patterns can
// match nothing but keys.
func countOTLP(r io.Reader) (kept, distinct int, err error) {
	session := []byte(`{"key":"session.id","value":{"stringValue":"`)
	sequence := []byte(`{"key":"event.sequence","value":{"intValue":"`)
	seen := map[identity]struct{}{}
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if len(line) > 0 {
				return kept, len(seen), errors.New("the last line is cut")
			}
			return kept, len(seen), nil
		}
		if err != nil {
			return kept, len(seen), err
		}
		for {
			var id, n []byte
			var ok bool
			if id, line, ok = quoted(line, session); !ok {
				break
			}
			if n, line, ok = quoted(line, sequence); !ok {
				return kept, len(seen), errors.New("a record has no sequence")
			}
			num, err := strconv.ParseInt(string(n), 10, 64)
			if err != nil {
				return kept, len(seen), fmt.Errorf("read sequence: %w", err)
			}
			kept++
			seen[identity{string(id), num}] = struct{}{}
		}
	}
}

// quoted gives what stands between the first occurrence of prefix and the
// next quote, and what follows.
func quoted(line, prefix []byte) (value, rest []byte, ok bool) {
	_, after, ok := bytes.Cut(line, prefix)
	if !ok {
		return nil, line, false
	}
	return bytes.Cut(after, []byte(`"`))
}
