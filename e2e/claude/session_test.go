//go:build claude

package claude

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/e2e/claude/cli"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// rig is what all scenarios share.
type rig struct {
	claude string
	api    *messagesapi.Server
	proxy  *cli.Refuser
	tripod *tripod // nil in sink mode

	mu    sync.Mutex
	asked []messagesapi.Exchange // guarded by mu
	more  chan struct{}          // closed and replaced at each request; guarded by mu
}

// canary makes a string that must appear nowhere in the clear.
func canary(kind string) string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return "cny" + kind + hex.EncodeToString(b[:])
}

// observe notes what the client asks of the Messages API.
func (r *rig) observe(e messagesapi.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, e)
	close(r.more)
	r.more = make(chan struct{})
}

// askedBy lists the statuses of the answers a session got to POST /v1/messages.
func (r *rig) askedBy(session string) (statuses []int, agents int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[string]bool{}
	for _, e := range r.asked {
		if e.Session == session && e.Path == "/v1/messages" {
			statuses = append(statuses, e.Status)
			seen[e.Agent] = true
		}
	}
	delete(seen, "")
	return statuses, len(seen)
}

// session is one session of the client, of one or more processes.
type session struct {
	*rig
	t        *testing.T
	id       string
	tee      *tee
	client   cli.Client
	dir      string
	always   []string // canaries the client sends in any case
	planted  []string // canaries it sends where it is told to send content
	firstRun []int    // of each process: how many exports of this session came before it
}

// contentFlags make the client send all it can.
var contentFlags = []string{
	"OTEL_LOG_USER_PROMPTS=1", "OTEL_LOG_ASSISTANT_RESPONSES=1", "OTEL_LOG_TOOL_DETAILS=1", "OTEL_LOG_TOOL_CONTENT=1",
	"OTEL_LOG_RAW_API_BODIES=1",
}

func newSession(t *testing.T, r *rig, e *tee, protocol string) *session {
	t.Helper()
	home := t.TempDir()
	// A folder whose own name is content.
	dir := filepath.Join(t.TempDir(), canary("dir"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("make the project folder: %v", err)
	}
	endpoint := e.addr.http
	if protocol == "grpc" {
		endpoint = e.addr.grpc
	}
	header, resource := canary("header"), canary("resource")
	return &session{rig: r, t: t, id: uuid(), tee: e, dir: dir, always: []string{header, resource}, client: cli.Client{Binary: r.claude, Dir: dir, Env: []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8",
		"ANTHROPIC_BASE_URL=" + r.api.URL(), "ANTHROPIC_API_KEY=" + messagesapi.FakeKey + canary("key"),
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_TELEMETRY=1", "DISABLE_AUTOUPDATER=1", "DISABLE_ERROR_REPORTING=1",
		"HTTPS_PROXY=" + r.proxy.URL, "HTTP_PROXY=" + r.proxy.URL, "NO_PROXY=127.0.0.1,localhost",
		"CLAUDE_CODE_ENABLE_TELEMETRY=1", "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1",
		"OTEL_LOGS_EXPORTER=otlp", "OTEL_METRICS_EXPORTER=otlp", "OTEL_TRACES_EXPORTER=otlp",
		"OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol, "OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint,
		"OTEL_LOGS_EXPORT_INTERVAL=500",
		"OTEL_EXPORTER_OTLP_HEADERS=" + madeUpHeader + "=" + header,
		"OTEL_RESOURCE_ATTRIBUTES=made.up=" + resource,
	}}}
}

func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// plant makes a canary that the client will have to send.
func (s *session) plant(kind string) string {
	word := canary(kind)
	s.planted = append(s.planted, word)
	return word
}

// begin starts the client with a prompt that names a script.
func (s *session) begin(script string, args ...string) *cli.Run {
	s.t.Helper()
	prompt := fmt.Sprintf("%s [[s:%s say=%s dir=%s]]", s.plant("prompt"), script, s.plant("say"), s.dir)
	id := []string{"--session-id", s.id}
	if len(s.firstRun) > 0 {
		id = []string{"--resume", s.id}
	}
	s.firstRun = append(s.firstRun, len(s.exports()))
	return s.client.Start(s.t, slices.Concat([]string{"-p", prompt}, id, args)...)
}

// say plays one prompt to its end.
func (s *session) say(script string, args ...string) {
	s.t.Helper()
	r := s.begin(script, args...)
	code := r.Wait(s.t)
	if out := r.Out.String(); code != 0 {
		s.t.Fatalf("claude ended with %d:\n%s", code, out)
	}
}

// failing plays one prompt that the client cannot finish.
func (s *session) failing(script string) {
	s.t.Helper()
	r := s.begin(script)
	if code := r.Wait(s.t); code != 1 {
		s.t.Errorf("claude ended with %d, want 1:\n%s", code, &r.Out)
	}
}

// withContent lets the client send content.
func (s *session) withContent() *session {
	s.client.Env = append(s.client.Env, contentFlags...)
	return s
}

// withMCP gives the client an MCP server: this test binary.
func (s *session) withMCP() []string {
	s.t.Helper()
	return cli.MCPConfig(s.t, s.dir)
}

// hooks is a configuration of hooks that say something that must stay content.
func (s *session) hooks() string {
	s.t.Helper()
	hook := func(command string) []any {
		return []any{map[string]any{"hooks": []any{map[string]any{"type": "command", "command": command}}}}
	}
	settings, err := json.Marshal(map[string]any{"hooks": map[string]any{
		"UserPromptSubmit": hook("echo " + s.plant("hook")), "PreToolUse": hook("true"), "Stop": hook("true"),
	}})
	if err != nil {
		s.t.Fatalf("encode hooks: %v", err)
	}
	return string(settings)
}

// exports lists all that the session sent so far.
func (s *session) exports() []export { return s.tee.of(s.id) }

// events lists what reached the tee and was acknowledged, process by process, each in its own order and each event
// once however often it was sent.
func (s *session) events() []event {
	s.t.Helper()
	exports := s.exports()
	var all []event
	for i, first := range s.firstRun {
		last := len(exports)
		if i+1 < len(s.firstRun) {
			last = s.firstRun[i+1]
		}
		var of []event
		for _, x := range exports[first:last] {
			if !x.acknowledged {
				continue
			}
			of = append(of, x.events...)
		}
		slices.SortStableFunc(of, func(a, b event) int { return int(a.Sequence - b.Sequence) })
		of = slices.CompactFunc(of, func(a, b event) bool {
			return a.Sequence == b.Sequence && a.Name == b.Name && a.Time.Equal(b.Time)
		})
		all = append(all, of...)
	}
	return all
}

// count tells how often each event came.
func count(events []event) map[string]int {
	n := map[string]int{}
	for _, e := range events {
		n[e.Name]++
	}
	return n
}

// await waits for a channel to close.
func (s *session) await(what string, c <-chan struct{}) {
	s.t.Helper()
	select {
	case <-c:
	case <-time.After(cli.Limit):
		s.t.Fatalf("waited in vain for %s", what)
	}
}

// awaitAsked waits until the session has asked the Messages API n times.
func (s *session) awaitAsked(n int) {
	s.t.Helper()
	for {
		s.mu.Lock()
		more := s.more
		s.mu.Unlock()
		if asked, _ := s.askedBy(s.id); len(asked) >= n {
			return
		}
		s.await("the client to go on", more)
	}
}

// describe lists events for a failure message, names and numbers only.
func describe(events []event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "  %3d %s %s\n", e.Sequence, e.Time.Format("15:04:05.000"), e.Name)
	}
	return b.String()
}
