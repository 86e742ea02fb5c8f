//go:build claude

package gateway

import (
	"bytes"
	"context"
	"embed"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// The SDK's package with its hashes, and what plays with it.
//
//go:embed sdk/package.json sdk/package-lock.json sdk/play.mjs
var sdk embed.FS

// sdkFolder installs the SDK once and gives the folder of the player.
func sdkFolder(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("TRIPOD_E2E_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("find a cache folder: %v; set TRIPOD_E2E_CACHE", err)
		}
		cache = filepath.Join(dir, "tripod-e2e")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(cache, "anthropic-sdk-1.12.0")
	if _, err := os.Stat(filepath.Join(home, "node_modules")); err != nil {
		tmp, err := os.MkdirTemp(cache, "install-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(tmp)
		copySDK(t, tmp, "package.json", "package-lock.json")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", tmp)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm could not get the SDK: %v; is the registry reachable?\n%s", err, out)
		}
		if err := os.Rename(tmp, home); err != nil {
			if _, statErr := os.Stat(filepath.Join(home, "node_modules")); statErr != nil { // somebody else was faster: fine
				t.Fatal(err)
			}
		}
	}
	copySDK(t, home, "play.mjs")
	return home
}

func copySDK(t *testing.T, to string, names ...string) {
	t.Helper()
	for _, name := range names {
		b, err := sdk.ReadFile("sdk/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// played is what the SDK makes of a scenario.
func played(t *testing.T, folder, scenario, base string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", filepath.Join(folder, "play.mjs"), scenario, base)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", scenario, err, &errs)
	}
	return normal.ReplaceAllString(out.String(), "ID")
}

// normal are ids that count up with what the upstream was asked.
var normal = regexp.MustCompile(`(req|msg|toolu|srvtoolu|mcptoolu)_[0-9A-Za-z]+`)

// sdkScenarios are those of the player, how many requests each takes and what must come of it.
var sdkScenarios = []struct {
	name string
	asks int
	want string
}{
	{"create", 1, `"text":"You said canary."`},
	{"stream", 1, `"text":"You said canary."`},
	{"tool loop", 2, `"calls":[{"command":"echo canary"`},
	{"parallel tools, streaming", 2, `echo three-canary`},
	{"interleaved blocks", 2, `"text":"Two at once: canary, ünd mehr."`},
	{"thinking", 2, `"types":["thinking","text","tool_use"]`},
	{"web search", 1, `"types":["server_tool_use","web_search_tool_result","text"]`},
	{"connector", 1, `"types":["mcp_tool_use","mcp_tool_result","text"]`},
	{"400", 1, `"error":"BadRequestError"`},
	{"403", 1, `"error":"PermissionDeniedError"`},
	{"500", 3, `"error":"InternalServerError"`},
	{"429, then fine", 2, `"text":"Fine after all: canary."`},
	{"529 twice, then fine", 3, `"text":"Fine after all: canary."`},
	{"an error in the middle", 1, `"error":`},
	{"a line that breaks", 1, `"error":`},
	{"a large answer", 1, `"text":1048576`},
	{"a body of 10 MB", 1, `"text":"You said canary."`},
	{"abort", 1, `"error":"APIUserAbortError"`},
	{"a silence with pings", 1, `"text":"After all: canary."`},
	{"count_tokens", 1, `"input_tokens":`},
	{"models", 1, `"claude-sonnet-5"`},
	{"hello", 1, `200`},
}

// TestSDK plays everything with the official SDK: what it makes of the answers is the same without a gateway and through one
// of each mode, and what it sends and gets passes as it is.
func TestSDK(t *testing.T) {
	folder := sdkFolder(t)
	api := func() http.Handler {
		return simulated(func(o *messagesapi.Options) { o.Scripts, o.Encodings = scripts(), []string{"gzip", "br"} })
	}
	alone := newLine(t, api())
	labs := map[string]*lab{}
	for _, mode := range []string{"observe", "enforce"} {
		labs[mode] = newLab(t, api(), func(c *config.Config) { c.Policy.Mode = policy.Mode(mode) })
	}
	for _, sc := range sdkScenarios {
		name := sc.name
		t.Run(name, func(t *testing.T) {
			since := alone.count()
			want := played(t, folder, name, alone.url)
			asked := len(alone.quiet(t, since))
			if asked != sc.asks || !strings.Contains(want, sc.want) {
				t.Errorf("without a gateway: %d requests and %.500s, want %d and %s", asked, want, sc.asks, sc.want)
			}
			for mode, l := range labs {
				front, back := l.front.count(), l.back.count()
				if diff := cmp.Diff(want, played(t, folder, name, l.front.url)); diff != "" {
					t.Errorf("%s: the SDK makes something else of it through the gateway (-without +through):\n%s", mode, diff)
				}
				f, b := l.front.quiet(t, front), l.back.quiet(t, back)
				same(t, f, b)
				if len(f) != asked {
					t.Errorf("%s: the SDK asked %d times, %d times without a gateway", mode, len(f), asked)
				}
			}
		})
	}
}
