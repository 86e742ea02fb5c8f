package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
)

// given are the words behind each command that asks for a right of a role: enough to be understood, and where they are allowed
// to come to little. FILE is a file that is no export.
var given = map[string]string{
	"case open": "--kind investigation --purpose incident --basis legal_claims", "case list": "", "case show": "C-2026-0009", "case close": "C-2026-0009",
	"case join": "C-2026-0009 kim@example.com --as analyst", "case leave": "C-2026-0009", "case request": "C-2026-0009 --record 1 --reason x",
	"case approve": "G-2026-0009", "case deny": "G-2026-0009", "case withdraw": "G-2026-0009", "case break-glass": "C-2026-0009 --record 1 --reason x",
	"case review": "G-2026-0009 --found justified", "record --content": "1 --grant G-2026-0009", "erase": "--record 999999 --reason x",
	"hold list": "", "hold show": "H-2026-0009", "hold set": "--case C-2026-0009 --reason x --record 1", "hold ask-release": "H-2026-0009 --reason x",
	"hold keep": "H-2026-0009 --reason x", "hold release": "H-2026-0009 --reason x",
	"retention list": "", "retention plan": "", "retention purge": "", "retention countdowns": "", "backup": "FILE.repository --recipient age1wrong",
	"keys rotate master": "", "keys rotate ledger": "", "keys rotate data": "--container none", "import": "FILE",
	"reviews list": "", "reviews consultations": "--subject kofi@example.com", "reviews digest": "",
	"access tokens list": "", "access tokens make": "a-name", "access tokens end": "no-token", "access sessions list": "", "access sessions end": "NOBODY",
	"alert list": "", "alert show": "00000000000000000000000000000000", "alert ack": "00000000000000000000000000000000", "alert resolve": "00000000000000000000000000000000 --reason x",
	"alert except": "00000000000000000000000000000000 --until 2026-12-01 --reason x", "alert exceptions": "", "alert end-exception": "X-1",
	"console": "", "console --revoke": "", "forward redrive": "none --all", "forward backfill": "none --from 1", "forward probe": "none",
}

// TestEveryCommandForEveryRole gives every command as somebody of every role, with serve running and without: who holds the
// right of its line is never refused for their roles; who does not is, or is told to start serve where nobody else could know.
func TestEveryCommandForEveryRole(t *testing.T) {
	if testing.Short() {
		t.Skip("opens data directories by the hundred, minutes long with the race detector")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	var asked []access.Entry
	for _, e := range access.Table() {
		if e.Command == "" || e.Right != access.SignedIn && len(access.Holders(e.Right)) == 0 {
			continue // a route, or what the operating system decides
		}
		if _, ok := given[e.Command]; !ok {
			t.Errorf("tripod %s is not tried: say how it is given", e.Command)
		}
		asked = append(asked, e)
	}
	for _, role := range access.Roles() {
		dir := t.TempDir()
		f := filepath.Join(dir, "tripod.yaml")
		text := fmt.Sprintf("data: %s\nlisten: {console: '127.0.0.1:0', otlp_http: '127.0.0.1:0', otlp_grpc: '127.0.0.1:0', gateway: ''}\naccess:\n  local: [{os_user: %s, email: me@example.com, roles: [%s], until: %s}]\n",
			filepath.Join(dir, "d"), me.Username, role, time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339))
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TRIPOD_CONFIG", f)
		t.Setenv("TRIPOD_DATA", filepath.Join(dir, "d"))
		stop := startServe(t, f)
		for _, e := range asked {
			tryCommand(t, e, role, f, true)
		}
		stop()
		for _, e := range asked {
			tryCommand(t, e, role, f, false)
		}
	}
}

func startServe(t *testing.T, file string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out, log bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "-c", file}, streams{in: strings.NewReader(""), out: &out, err: &log})
	}()
	for deadline := time.Now().Add(patience); ready(os.Getenv("TRIPOD_DATA"), "") != nil; <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			cancel()
			t.Fatalf("serve does not start: %d %s", <-ended, log.String())
		}
	}
	return func() {
		cancel()
		if code := <-ended; code != exitDone {
			t.Errorf("serve ended with %d: %s", code, log.String())
		}
	}
}

func tryCommand(t *testing.T, e access.Entry, role access.Role, file string, serving bool) {
	t.Helper()
	args := strings.Fields(strings.ReplaceAll(e.Command+" "+given[e.Command], "FILE", file))
	var out, problems bytes.Buffer
	code := run(context.Background(), args, streams{in: strings.NewReader(""), out: &out, err: &problems})
	may := (&access.Person{Roles: []access.Role{role}}).May(e.Right)
	refused := strings.Contains(problems.String(), "needs the role")
	elsewhere := strings.Contains(problems.String(), "start tripod serve") || strings.Contains(problems.String(), "no serve runs here")
	if serving {
		elsewhere = strings.Contains(problems.String(), "stop tripod serve")
	}
	switch {
	case code == exitUsage && strings.Contains(problems.String(), "--help"):
		t.Errorf("tripod %s is not understood: %s", strings.Join(args, " "), problems.String())
	case may && refused, !may && !refused && !elsewhere, !may && code == exitDone, !may && refused && code != exitWanting, !may && out.Len() > 0:
		t.Errorf("tripod %s as %s, serving %v, ended with %d: %s%s", strings.Join(args, " "), role, serving, code, out.String(), problems.String())
	}
}
