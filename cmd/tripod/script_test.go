package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/simulate/capture"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tripod": func() { os.Exit(program()) }})
}

// TestScripts runs the command line as people do. Each file in testdata/script is named after the behaviour it shows.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program as a child, minutes long with the race detector")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Deadline:            time.Now().Add(6 * time.Minute), // a serve that should have refused must not hang the tests
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TRIPOD_LISTEN_CONSOLE", "127.0.0.1:0")
			e.Setenv("TRIPOD_LISTEN_OTLP_HTTP", "127.0.0.1:0")
			e.Setenv("TRIPOD_LISTEN_OTLP_GRPC", "127.0.0.1:0")
			e.Setenv("TRIPOD_LISTEN_GATEWAY", "") // tripod doctor would ask its upstream
			// The last Friday at 16:00: a week that ends then has each incident of the simulated enterprise once.
			e.Setenv("FRIDAY", time.Now().UTC().Truncate(7*24*time.Hour).Add(-56*time.Hour).Format(time.RFC3339))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":    await,
			"deliver":  deliver,
			"endpoint": endpoint,
			"corrupt":  corrupt,
			"exitcode": exitCode,
			"ask":      ask,
		},
	})
}

const patience = 30 * time.Second

// await DIR [RECORDS] waits until serve on DIR is ready, and until its views have taken in so many records, or all there are.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: await DIR [RECORDS]")
	}
	want := ""
	if len(args) > 1 {
		want = args[1]
	}
	for deadline := time.Now().Add(patience); ; {
		err := ready(ts.MkAbs(args[0]), want)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("serve on %s is not ready: %v", args[0], err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func ready(dir, want string) error {
	addrs, err := app.ReadAddrs(dir)
	if err != nil {
		return err
	}
	res, err := http.Get(addrs.Console + "/readyz")
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("readyz answers %s", res.Status)
	}
	res, err = http.Get(addrs.Console + "/healthz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var s app.Status
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
		return err
	}
	if want == "" {
		return nil
	}
	if want == "all" {
		want = fmt.Sprint(s.JournalLast)
	}
	for name, at := range s.Views {
		if fmt.Sprint(at) != want {
			return fmt.Errorf("view %s is at %d", name, at)
		}
	}
	if fmt.Sprint(s.LedgerSize) != want {
		return fmt.Errorf("the ledger is at %d", s.LedgerSize)
	}
	return nil
}

// endpoint DIR sets $OTLP_HTTP and $OTLP_GRPC to where serve on DIR takes telemetry.
func endpoint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: endpoint DIR")
	}
	addrs, err := app.ReadAddrs(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Setenv("OTLP_HTTP", addrs.OTLPHTTP)
	ts.Setenv("OTLP_GRPC", addrs.OTLPGRPC)
}

// deliver DIR SCENARIO [RUN] sends what a real client sent, unchanged but for a shift to a fixed time, and sets $SESSION.
func deliver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: deliver DIR SCENARIO [RUN]")
	}
	addrs, err := app.ReadAddrs(ts.MkAbs(args[0]))
	ts.Check(err)
	scenarios, err := capture.Scenarios()
	ts.Check(err)
	for _, s := range scenarios {
		if s.Name != args[1] {
			continue
		}
		if len(args) > 2 {
			s = s.Renew(args[2], 0)
		} else {
			s = s.Renew("script", 0)
		}
		ts.Setenv("SESSION", s.Session())
		for _, e := range s.Exports {
			ts.Check(e.Send(context.Background(), http.DefaultClient, addrs.OTLPHTTP))
		}
		return
	}
	ts.Fatalf("no scenario %q", args[1])
}

// ask DIR FILE SESSION sends a Messages request to the gateway of serve on DIR, whatever comes back.
func ask(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: ask DIR FILE SESSION")
	}
	addrs, err := app.ReadAddrs(ts.MkAbs(args[0]))
	ts.Check(err)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, addrs.Gateway+"/v1/messages", strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Claude-Code-Session-Id", args[2])
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	ts.Check(res.Body.Close())
}

// corrupt FILE OFFSET flips one bit; a negative offset counts from the end.
func corrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: corrupt FILE OFFSET")
	}
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	var at int
	_, err = fmt.Sscan(args[1], &at)
	ts.Check(err)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	ts.Check(os.WriteFile(path, b, 0o600))
}

// exitcode N COMMAND… runs a command and wants that exit code. Its output is compared by later commands as of exec.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("%s ended with %s, want %s", filepath.Base(args[1]), got, args[0])
	}
}
