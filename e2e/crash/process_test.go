package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(buildDir())
	os.Exit(code)
}

// buildDir is where this run's binary goes.
func buildDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("tripod-binary-%d", os.Getpid()))
}

// built is the program under test, built once a run.
var built = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("TRIPOD_E2E_BINARY"); path != "" {
		return path, nil
	}
	path := filepath.Join(buildDir(), "tripod")
	cmd := exec.Command("go", "build", "-o", path, "github.com/tripod-audit/tripod/cmd/tripod")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build tripod: %w\n%s", err, out)
	}
	return path, nil
})

// program skips the test where programs are not started, and returns the one to start.
func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the program as a child: left out with -short")
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// soak reports whether the long version was asked for.
func soak() bool { return os.Getenv("TRIPOD_SOAK") == "1" }

// seeded returns a source of chance, and logs what reproduces it.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("TRIPOD_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("TRIPOD_SEED: %v", err)
		}
	}
	t.Logf("TRIPOD_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// patience is how long a test waits for what takes milliseconds on an idle machine.
const patience = time.Minute

// await tries until there is no error.
func await(t *testing.T, what string, try func() error) {
	t.Helper()
	limit := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s: %v", what, err)
		}
		<-tick.C
	}
}

// home is a data directory with the configuration of the serve that runs on it.
type home struct {
	binary string
	data   string
	config string
	log    string // what serve writes to stderr, of all its runs
	env    []string

	gateway string // address of the LLM gateway; "" for none
}

// captureAll keeps every class of content, and signs as often as may be.
const captureAll = `capture:
  rules:
    - keep: text
checkpoint_interval: 100ms
log:
  level: debug
`

// newHome makes an empty home. The path is short: that of a socket has to be.
func newHome(t *testing.T, config string) *home {
	t.Helper()
	binary := program(t)
	dir, err := os.MkdirTemp("", "tripod-crash-")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("TRIPOD_E2E_KEEP") != "" {
		t.Logf("kept: %s", dir)
	} else {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	h := &home{binary: binary, data: filepath.Join(dir, "data"), config: filepath.Join(dir, "tripod.yaml"), log: filepath.Join(dir, "serve.log")}
	if err := os.WriteFile(h.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// on is the same home with another data directory.
func (h *home) on(data string) *home {
	other := *h
	other.data = data
	return &other
}

// serveArgs are the arguments of serve: every listener on a port of its own.
func (h *home) serveArgs() []string {
	return []string{
		"serve", "-c", h.config, "--data", h.data, "--listen-console", "127.0.0.1:0", "--listen-otlp-http", "127.0.0.1:0",
		"--listen-otlp-grpc", "127.0.0.1:0", "--listen-gateway", h.gateway,
	}
}

// serve is a running `tripod serve`.
type serve struct {
	home    *home
	cmd     *exec.Cmd
	ended   chan struct{} // closed once the process is gone and err is set
	err     error
	Console string `json:"console"`
	HTTP    string `json:"otlp_http"`
	GRPC    string `json:"otlp_grpc"`
	Gateway string `json:"gateway"`
	PID     int    `json:"pid"`
	stale   int    // process that the file of addresses named before this one started
}

// addrs reads where the serve of a data directory says it listens.
func (h *home) addrs() (*serve, error) {
	b, err := os.ReadFile(filepath.Join(h.data, "serve.json"))
	if err != nil {
		return nil, err
	}
	s := new(serve)
	return s, json.Unmarshal(b, s)
}

// start starts serve and does not wait until it is ready. What the test leaves running is killed at its end.
func (h *home) start(t *testing.T) *serve {
	t.Helper()
	return h.startAs(t, exec.Command(h.binary, h.serveArgs()...))
}

func (h *home) startAs(t *testing.T, cmd *exec.Cmd) *serve {
	t.Helper()
	log, err := os.OpenFile(h.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, append(os.Environ(), h.env...)
	s := &serve{home: h, cmd: cmd, ended: make(chan struct{})}
	if old, err := h.addrs(); err == nil {
		s.stale = old.PID
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start serve: %v", err)
	}
	go func() {
		s.err = cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(s.kill)
	return s
}

// run starts serve and waits until it is ready.
func (h *home) run(t *testing.T) *serve {
	t.Helper()
	s := h.start(t)
	s.awaitReady(t)
	return s
}

// awaitAddrs waits until serve has told where it listens. The file of a killed serve names another process.
func (s *serve) awaitAddrs(t *testing.T) {
	t.Helper()
	await(t, "wait for serve's addresses", func() error {
		select {
		case <-s.ended:
			t.Fatalf("serve ended before it was ready: %v\n%s", s.err, s.home.tail())
		default:
		}
		found, err := s.home.addrs()
		if err != nil {
			return err
		}
		if found.PID == s.stale {
			return fmt.Errorf("serve.json is of process %d", found.PID)
		}
		s.Console, s.HTTP, s.GRPC, s.Gateway, s.PID = found.Console, found.HTTP, found.GRPC, found.Gateway, found.PID
		return nil
	})
}

// traced reports whether the child is strace, whose own child serve is.
func (s *serve) traced() bool { return s.cmd.Args[0] != s.home.binary }

func (s *serve) awaitReady(t *testing.T) {
	t.Helper()
	s.awaitAddrs(t)
	await(t, "wait for serve to be ready", func() error {
		code, text := s.get(t, "/readyz")
		if code != http.StatusOK {
			return fmt.Errorf("readyz answers %d: %s", code, text)
		}
		return nil
	})
}

// awaitViews waits until the views have taken in what the journal holds and the ledger covers it.
func (s *serve) awaitViews(t *testing.T) {
	t.Helper()
	await(t, "wait for ledger and views", func() error {
		st := s.status(t)
		if st.LedgerSize < st.JournalLast {
			return fmt.Errorf("the ledger is at %d of %d", st.LedgerSize, st.JournalLast)
		}
		for name, at := range st.Views {
			if at < st.JournalLast {
				return fmt.Errorf("view %s is at %d of %d", name, at, st.JournalLast)
			}
		}
		return nil
	})
}

// status is what /healthz tells.
type status struct {
	JournalLast uint64            `json:"journal_last"`
	LedgerSize  uint64            `json:"ledger_size"`
	Views       map[string]uint64 `json:"views"`
	Conditions  []struct {
		Code string `json:"code"`
		Text string `json:"text"`
	} `json:"conditions"`
}

func (s *serve) status(t *testing.T) (st status) {
	t.Helper()
	code, body := s.get(t, "/healthz")
	if code != http.StatusOK {
		t.Fatalf("healthz answers %d: %s", code, body)
	}
	if err := json.Unmarshal([]byte(body), &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// get asks the console; 0 is no answer.
func (s *serve) get(t *testing.T, path string) (code int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Console+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(b)
}

// kill ends serve as kill -9 does and waits until it is gone.
func (s *serve) kill() {
	select {
	case <-s.ended:
		return
	default:
	}
	if !s.traced() || s.signal(os.Kill) != nil { // strace ends with what it traces
		_ = s.cmd.Process.Kill() // it may be gone
	}
	<-s.ended
}

// stop ends serve as an operator does.
func (s *serve) stop(t *testing.T) {
	t.Helper()
	if err := s.signal(syscall.SIGTERM); err != nil {
		t.Fatalf("stop serve: %v", err)
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatalf("serve does not stop\n%s", s.home.tail())
	}
	if s.err != nil {
		t.Errorf("serve ended badly: %v\n%s", s.err, s.home.tail())
	}
}

func (s *serve) signal(sig os.Signal) error {
	if !s.traced() {
		return s.cmd.Process.Signal(sig)
	}
	if s.PID == 0 {
		return os.ErrProcessDone
	}
	p, err := os.FindProcess(s.PID)
	if err != nil {
		return err
	}
	return p.Signal(sig)
}

// tail is the end of serve's log.
func (h *home) tail() string {
	b, err := os.ReadFile(h.log)
	if err != nil {
		return err.Error()
	}
	if len(b) > 4000 {
		b = b[len(b)-4000:]
	}
	return string(b)
}

// try runs a command on the data directory.
func (h *home) try(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), h.binary, args...)
	cmd.Env = append(append(os.Environ(), "TRIPOD_DATA="+h.data), h.env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("tripod %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// command runs a command that has to succeed and returns what it prints.
func (h *home) command(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := h.try(t, args...)
	if code != 0 {
		t.Fatalf("tripod %s ended with %d: %s%s", strings.Join(args, " "), code, stderr, first(stdout, 2000))
	}
	return stdout
}

func first(s string, n int) string { return s[:min(len(s), n)] }

// search prints the records a query finds, one JSON object a line.
func (h *home) search(t *testing.T, query string) string {
	t.Helper()
	return h.command(t, "search", "--json", "--limit", "0", query)
}

// verify runs tripod verify, which has to find everything in order.
func (h *home) verify(t *testing.T, args ...string) string {
	t.Helper()
	return h.command(t, append([]string{"verify"}, args...)...)
}

// copyOf copies the data directory as it lies there, but for sockets.
func (h *home) copyOf(t *testing.T) *home {
	t.Helper()
	to := filepath.Join(filepath.Dir(h.config), fmt.Sprintf("copy-%x", rand.Uint32()))
	copyTree(t, h.data, to)
	return h.on(to)
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch to := filepath.Join(to, rel); {
		case d.IsDir():
			return os.MkdirAll(to, 0o700)
		case d.Type().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(to, b, 0o600)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("copy %s: %v", from, err)
	}
}
