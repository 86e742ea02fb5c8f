// Command gateway compares `tripod serve` as an LLM gateway with what else can stand between a client and the Messages
// API: nginx, a bare httputil.ReverseProxy, mitmproxy, Portkey and claude-code-router, beside no proxy at all. The same
// conversations over the same number of connections, one system after the other on the same machine, round after round.
// README.md beside it says how and what came out.
//
//	go run ./bench/gateway
//
// It keeps nothing but a temporary folder and, in the user's cache, the peers that come from npm. It exits 1 where a system
// that is not a peer loses or alters a byte. It needs Linux, for /proc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	systems  []string
	full     bool
	rounds   int
	requests int           // of a cell with one connection
	span     time.Duration // of a cell with many
	seed     uint64
	dir      string
	tripod   string // binary
	profile  string // folder
	record   bool
	only     string // part of a cell's name
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == childFlag {
		if err := runChild(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench/gateway:", err)
			os.Exit(1)
		}
		return
	}
	o, err := parse(os.Args[1:])
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx, o)
		stop()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		say("bench/gateway: %v", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("gateway", flag.ContinueOnError)
	systems := f.String("systems", strings.Join(allSystems, ","), "what to run; direct and bare always do")
	f.BoolVar(&o.full, "full", false, "1 MB requests too, and more of everything")
	f.IntVar(&o.rounds, "rounds", 0, "how often to run everything (default 3, with -full 7)")
	f.IntVar(&o.requests, "requests", 0, "requests of each measurement with one connection (default 60, with -full 150)")
	f.DurationVar(&o.span, "span", 0, "how long each measurement with many connections lasts (default 1s, with -full 3s)")
	f.Uint64Var(&o.seed, "seed", 1, "of the conversations")
	f.StringVar(&o.dir, "dir", "", "`folder` to work in (default: a temporary one in the user's cache); not a tmpfs")
	f.StringVar(&o.tripod, "tripod", "", "`binary` to run instead of building this checkout")
	f.StringVar(&o.profile, "profile", "", "`folder` for profiles of tripod, taken while it serves many, which slows it")
	f.StringVar(&o.only, "only", "", "run only measurements whose name contains this `text`, as in 50KB-json-1")
	f.BoolVar(&o.record, "record", false, "put the result into bench/gateway/README.md")
	if err := f.Parse(args); err != nil {
		return o, flag.ErrHelp
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	for name := range strings.SplitSeq(*systems, ",") {
		if !slices.Contains(allSystems, name) {
			return o, fmt.Errorf("-systems: %q is none of %s", name, strings.Join(allSystems, ", "))
		}
		o.systems = append(o.systems, name)
	}
	orElse(&o.rounds, 3, 7, o.full)
	orElse(&o.requests, 60, 150, o.full)
	orElse(&o.span, time.Second, 3*time.Second, o.full)
	return o, nil
}

// orElse sets what was not set.
func orElse[T comparable](v *T, short, full T, isFull bool) {
	var zero T
	switch {
	case *v != zero:
	case isFull:
		*v = full
	default:
		*v = short
	}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// cacheDir is outside the repository and on a disk.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "tripod-bench")
	return dir, os.MkdirAll(dir, 0o755)
}

func run(ctx context.Context, o options) (err error) {
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	if o.dir == "" {
		o.dir = cache
	}
	if o.dir, err = os.MkdirTemp(o.dir, "gateway-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	up, err := startUpstream(ctx)
	if err != nil {
		return err
	}
	defer up.Kill()
	r := newReport(o)
	systems, err := o.start(ctx, cache, up, r)
	defer func() {
		for _, s := range systems {
			s.kill()
		}
	}()
	if err != nil {
		return err
	}
	if err := r.conformance(ctx, systems, up); err != nil {
		return err
	}
	if err := r.measure(ctx, o, systems, up); err != nil {
		return err
	}
	var text strings.Builder
	r.markdown(&text)
	fmt.Print(text.String())
	if o.record {
		here, err := folder(ctx)
		if err != nil {
			return err
		}
		if err := recordIn(filepath.Join(here, "README.md"), text.String()); err != nil {
			return err
		}
	}
	return r.failed()
}

// folder is where this program's source lies.
func folder(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find this checkout: %w", err)
	}
	return filepath.Join(filepath.Dir(strings.TrimSpace(string(out))), "bench", "gateway"), nil
}
