//go:build claude

package claude

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tripod is the program under test: a serve process and its data directory.
type tripod struct {
	binary string
	data   string
	log    *os.File // all serve wrote
	serve  *exec.Cmd
	ended  chan error // serve's end
	still  bool       // serve has been stopped: what is not there will not come

	console, otlpHTTP, otlpGRPC string
}

// record is what the test reads of a record, by the names of the documented JSON form.
type record struct {
	Seq      uint64    `json:"seq"`
	Source   string    `json:"source"`
	Surface  string    `json:"surface"`
	Activity string    `json:"activity"`
	Type     string    `json:"type"`
	Outcome  string    `json:"outcome"`
	Occurred time.Time `json:"occurred"`
	Sequence *int64    `json:"sequence"`
	Tool     string    `json:"tool"`
	MCP      string    `json:"mcp"`
	Keys     struct {
		Session string `json:"session"`
		Prompt  string `json:"prompt"`
		Request string `json:"request"`
		ToolUse string `json:"tool_use"`
		Agent   string `json:"agent"`
		Trace   string `json:"trace"`
		Span    string `json:"span"`
	} `json:"keys"`
	Content []content `json:"content"`
	Flags   []string  `json:"flags"`
	raw     string
}

// content is what a record says of a piece of content.
type content struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Withheld string `json:"withheld"`
}

// timeline is the answer of tripod session --json.
type timeline struct {
	Session       string            `json:"session"`
	Records       []json.RawMessage `json:"records"`
	Discrepancies []discrepancy     `json:"discrepancies"`
}

// discrepancy is what the test reads of one.
type discrepancy struct {
	Kind      string `json:"kind"`
	Statement string `json:"statement"`
	Details   struct {
		Missing []struct {
			First int64 `json:"first"`
			Last  int64 `json:"last"`
		} `json:"missing"`
	} `json:"details"`
}

// patience is how long the test waits for what should take milliseconds on an idle machine.
const patience = time.Minute

// startTripod builds Tripod and starts serve. It returns nil in sink mode.
func startTripod(t *testing.T) *tripod {
	t.Helper()
	if os.Getenv("TRIPOD_E2E_SINK") != "" {
		t.Log("TRIPOD_E2E_SINK is set: Tripod is left out")
		return nil
	}
	// Not t.TempDir: the path of a socket must stay short.
	dir, err := os.MkdirTemp("", "tripod-e2e-")
	if err != nil {
		t.Fatalf("make a data directory: %v", err)
	}
	if os.Getenv("TRIPOD_E2E_KEEP") != "" {
		t.Logf("kept: %s", dir)
	} else {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	p := &tripod{binary: buildTripod(t, dir), data: filepath.Join(dir, "data"), ended: make(chan error, 1)}
	if p.log, err = os.Create(filepath.Join(dir, "serve.log")); err != nil {
		t.Fatalf("make a log: %v", err)
	}
	t.Cleanup(func() { _ = p.log.Close() })
	p.serve = exec.Command(p.binary, "serve", "--data", p.data,
		"--listen-otlp-http", "127.0.0.1:0", "--listen-otlp-grpc", "127.0.0.1:0", "--listen-console", "127.0.0.1:0", "--listen-gateway", "127.0.0.1:0")
	p.serve.Stdout, p.serve.Stderr = p.log, p.log
	if err := p.serve.Start(); err != nil {
		t.Fatalf("start serve: %v", err)
	}
	go func() { p.ended <- p.serve.Wait() }()
	t.Cleanup(func() {
		if p.serve.ProcessState == nil {
			_ = p.serve.Process.Kill()
		}
	})
	p.awaitReady(t)
	return p
}

func buildTripod(t *testing.T, dir string) string {
	t.Helper()
	if path := os.Getenv("TRIPOD_E2E_BINARY"); path != "" {
		return path
	}
	binary := filepath.Join(dir, "tripod")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/tripod-audit/tripod/cmd/tripod")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build tripod: %v\n%s", err, out)
	}
	return binary
}

// awaitReady reads where serve listens and waits until it says it is ready.
func (p *tripod) awaitReady(t *testing.T) {
	t.Helper()
	ready := func() error {
		b, err := os.ReadFile(filepath.Join(p.data, "serve.json"))
		if err != nil {
			return err
		}
		var at struct {
			Console  string `json:"console"`
			OTLPHTTP string `json:"otlp_http"`
			OTLPGRPC string `json:"otlp_grpc"`
		}
		if err := json.Unmarshal(b, &at); err != nil {
			return fmt.Errorf("decode serve.json: %w", err)
		}
		p.console, p.otlpHTTP, p.otlpGRPC = url(at.Console), url(at.OTLPHTTP), at.OTLPGRPC
		_, err = p.get(t.Context(), "/readyz")
		return err
	}
	tick, limit := time.NewTicker(50*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for err := ready(); err != nil; err = ready() {
		select {
		case end := <-p.ended:
			t.Fatalf("serve ended before it was ready: %v\n%s", end, p.logged(t))
		case <-limit:
			t.Fatalf("serve is not ready: %v\n%s", err, p.logged(t))
		case <-tick.C:
		}
	}
}

// url makes a URL of an address that may be one already.
func url(addr string) string {
	if strings.Contains(addr, "://") {
		return addr
	}
	return "http://" + addr
}

// get reads a page of the console listener.
func (p *tripod) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.console+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return b, err
}

func (p *tripod) logged(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(p.log.Name())
	if err != nil {
		t.Fatalf("read serve's log: %v", err)
	}
	return b
}

// stop ends serve the way an operator does.
func (p *tripod) stop(t *testing.T) {
	t.Helper()
	p.still = true
	if err := p.serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("stop serve: %v", err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			t.Errorf("serve ended badly: %v\n%s", err, p.logged(t))
		}
	case <-time.After(patience):
		t.Errorf("serve did not stop\n%s", p.logged(t))
	}
}

// command runs tripod on the data directory and returns what it printed.
func (p *tripod) command(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), p.binary, append(args, "--data", p.data)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("tripod %s: %v\n%s", strings.Join(args, " "), err, &errs)
	}
	return out.Bytes()
}

// search returns the records a query finds, in the order they are printed.
func (p *tripod) search(t *testing.T, query string) []record {
	t.Helper()
	var list []record
	lines := bufio.NewScanner(bytes.NewReader(p.command(t, "search", query, "--json", "--limit", "0")))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		list = append(list, decodeRecord(t, lines.Bytes()))
	}
	return list
}

// session returns a session's records in order, and its discrepancies.
func (p *tripod) session(t *testing.T, id string) ([]record, []discrepancy) {
	t.Helper()
	out := p.command(t, "session", id, "--json")
	var tl timeline
	if err := json.Unmarshal(out, &tl); err != nil {
		t.Fatalf("decode tripod session: %v\n%.500s", err, out)
	}
	if tl.Session != id {
		t.Errorf("tripod session %s says it is %q", id, tl.Session)
	}
	var list []record
	for _, raw := range tl.Records {
		list = append(list, decodeRecord(t, raw))
	}
	return list, tl.Discrepancies
}

func decodeRecord(t *testing.T, line []byte) record {
	t.Helper()
	r := record{raw: string(line)}
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatalf("decode a record: %v\n%.500s", err, line)
	}
	return r
}
