//go:build claude

package gateway

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/e2e/claude/cli"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

func TestMain(m *testing.M) {
	if os.Getenv(cli.MCPEnv) != "" {
		if err := cli.ServeMCP(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "mcp server:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// claude is the real client on one base URL.
type claude struct {
	cli.Client
	t       *testing.T
	session string
	runs    int
	out     []string // what each process said
	codes   []int
}

func newClaude(t *testing.T, proxy *cli.Refuser, base string) *claude {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return &claude{t: t, session: uuid(), Client: cli.Client{Binary: cli.Binary(t), Dir: dir, Env: []string{
		"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8",
		"ANTHROPIC_BASE_URL=" + base, "ANTHROPIC_API_KEY=" + messagesapi.FakeKey,
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_TELEMETRY=1", "DISABLE_AUTOUPDATER=1", "DISABLE_ERROR_REPORTING=1",
		"HTTPS_PROXY=" + proxy.URL, "HTTP_PROXY=" + proxy.URL, "NO_PROXY=127.0.0.1,localhost",
	}}}
}

// start starts the client with a prompt, in the session it has.
func (c *claude) start(prompt string, args ...string) *cli.Run {
	c.t.Helper()
	id := []string{"--session-id", c.session}
	if c.runs > 0 {
		id = []string{"--resume", c.session}
	}
	c.runs++
	return c.Start(c.t, slices.Concat([]string{"-p", prompt}, id, args)...)
}

// say plays one prompt to its end.
func (c *claude) say(prompt string, args ...string) string {
	c.t.Helper()
	r := c.start(prompt, args...)
	code := r.Wait(c.t)
	out := strings.TrimSpace(r.Out.String())
	c.out, c.codes = append(c.out, out), append(c.codes, code)
	return out
}

// act is what a person does with Claude Code.
type act struct {
	name     string
	play     func(c *claude)
	posts    int    // requests for messages it takes
	encoding string // that the upstream answers in
}

func script(name string, args ...string) func(*claude) {
	return func(c *claude) { c.say("[[s:"+name+" say=canary dir="+c.Dir+"]]", args...) }
}

var acts = []act{
	{name: "plain", play: script("text"), posts: 1},
	{name: "tool", play: script("bash", "--allowedTools", "Bash"), posts: 2},
	{name: "parallel tools", play: script("parallel", "--allowedTools", "Bash"), posts: 2},
	{name: "files", play: script("files", "--allowedTools", "Write,Read,Edit"), posts: 4},
	{name: "denied tool", play: script("denied"), posts: 3},
	{name: "sub-agent", play: script("subagent", "--allowedTools", "Agent,Task,Bash"), posts: 4},
	{name: "thinking", play: script("think", "--allowedTools", "Bash"), posts: 2},
	{name: "MCP tool", posts: 3, play: func(c *claude) {
		script("mcp", append(cli.MCPConfig(c.t, c.Dir), "--allowedTools", "mcp__lab__lookup,mcp__lab__fail")...)(c)
	}},
	{name: "400", play: script("e400")},
	{name: "403", play: script("e403")},
	{name: "429, then fine", play: script("e429"), posts: 2},
	{name: "529 twice, then fine", play: script("e529"), posts: 3},
	{name: "an error in the middle", play: script("cut")},
	{name: "refusal", play: script("refusal"), posts: 2},
	{name: "gzip", encoding: "gzip", play: script("bash", "--allowedTools", "Bash"), posts: 2},
	{name: "br", encoding: "br", play: script("bash", "--allowedTools", "Bash"), posts: 2},
	{name: "zstd", encoding: "zstd", play: script("bash", "--allowedTools", "Bash"), posts: 2},
	{name: "a silence with pings", play: script("silent"), posts: 1},
	{name: "a large answer", play: script("big"), posts: 1},
	{name: "resumed", posts: 4, play: func(c *claude) {
		script("bash", "--allowedTools", "Bash")(c)
		script("parallel", "--allowedTools", "Bash")(c)
	}},
}

// TestClaude plays everything with the real client: without a gateway, and through one of each mode. It has to say the same,
// ask as often, and what it sends and gets has to pass as it is.
func TestClaude(t *testing.T) {
	proxy := cli.NewRefuser(t)
	var encoding atomic.Value
	encoding.Store("")
	api := func() http.Handler {
		of := map[string]http.Handler{}
		for _, name := range []string{"", "gzip", "br", "zstd"} {
			of[name] = simulated(func(o *messagesapi.Options) {
				o.Scripts = scripts()
				if name != "" {
					o.Encodings = []string{name}
				}
			})
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { of[encoding.Load().(string)].ServeHTTP(w, r) })
	}
	alone := newLine(t, api())
	labs := map[string]*lab{}
	sessions := map[string]map[string]*expected{}
	for _, mode := range []string{"observe", "enforce"} {
		labs[mode] = newLab(t, api(), func(c *config.Config) { c.Policy.Mode = policy.Mode(mode) })
		sessions[mode] = map[string]*expected{}
	}
	for _, a := range acts {
		t.Run(a.name, func(t *testing.T) {
			encoding.Store(a.encoding)
			without := newClaude(t, proxy, alone.url)
			since := alone.count()
			a.play(without)
			want := posts(alone.quiet(t, since))
			if a.posts != 0 && len(want) != a.posts {
				t.Errorf("without a gateway the client asked %d times, want %d", len(want), a.posts)
			}
			for mode, l := range labs {
				c := newClaude(t, proxy, l.front.url)
				front, back := l.front.count(), l.back.count()
				a.play(c)
				f, b := l.front.quiet(t, front), l.back.quiet(t, back)
				same(t, f, b)
				if len(posts(f)) != len(want) {
					t.Errorf("%s: the client asked %d times, %d times without a gateway", mode, len(posts(f)), len(want))
				}
				if diff := cmp.Diff(without.heard(), c.heard()); diff != "" {
					t.Errorf("%s: the client says something else through the gateway (-without +through):\n%s", mode, diff)
				}
				for _, x := range posts(f) {
					if got := x.Answered.Get("Content-Encoding"); got != a.encoding {
						t.Errorf("%s: answered in encoding %q, want %q", mode, got, a.encoding)
					}
				}
				sessions[mode][c.session] = &expected{a.name, posts(f)}
			}
		})
	}
	t.Run("killed", func(t *testing.T) {
		encoding.Store("")
		for _, l := range labs {
			c := newClaude(t, proxy, l.front.url)
			front, back := l.front.count(), l.back.count()
			r := c.start("[[s:slow say=canary]]", "--allowedTools", "Bash")
			l.back.awaitAnswers(t, back, 2)
			if err := r.Kill(); err != nil {
				t.Error(err)
			}
			r.Wait(t)
			same(t, l.front.quiet(t, front), l.back.quiet(t, back))
		}
	})
	for mode, l := range labs {
		onRecord(t, l, sessions[mode])
	}
	if asked := proxy.String(); asked != "nothing" {
		t.Errorf("the client wanted to leave loopback: %s", asked)
	}
}

// heard is what the client said and how it ended, without what differs from run to run.
func (c *claude) heard() (all []string) {
	for i, out := range c.out {
		for _, env := range c.Env {
			if base, ok := strings.CutPrefix(env, "ANTHROPIC_BASE_URL="); ok {
				out = strings.ReplaceAll(out, strings.TrimPrefix(base, "http://"), "HOST")
			}
		}
		all = append(all, fmt.Sprintf("%d: %s", c.codes[i], requestID(strings.ReplaceAll(out, c.Dir, "DIR"))))
	}
	return all
}

// requestID replaces the ids of requests, which count up.
func requestID(s string) string {
	for {
		before, after, ok := strings.Cut(s, "req_")
		if !ok {
			return s
		}
		s = before + "REQ" + strings.TrimLeft(after, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	}
}

// newLine is a tap in front of an upstream, with nothing between.
func newLine(t *testing.T, upstream http.Handler) *tap {
	t.Helper()
	return newTap(t, serveUpstream(t, upstream))
}

// awaitAnswers waits until so many requests for messages, of those since the nth passage, have been answered in part.
func (p *tap) awaitAnswers(t *testing.T, since, n int) {
	t.Helper()
	for {
		p.mu.Lock()
		list, more := slices.Clone(p.all[since:]), p.more
		p.mu.Unlock()
		if len(posts(list)) >= n {
			return
		}
		await(t, "the client to ask", more)
	}
}
