// Command screenshots starts a demo, opens its console in Chromium and writes what the documents show. `make screenshots`.
//
// It promises nothing about durability, order or concurrency; the demo's data goes away with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

func main() {
	out := flag.String("out", "docs/images", "folder to write to")
	seed := flag.Uint64("seed", 1, "of the simulated enterprise")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

// shot is one picture.
type shot struct {
	name          string
	path          string
	width, height int64
	dark          bool
	as            string // login name of who looks; "": who runs the demo; nobody: who is not signed in
}

// nobody is not signed in.
const nobody = "-"

// shots are the pictures, of the week that the demo has played.
func shots(d app.DemoStarted) []shot {
	tuesday, _ := d.World.When(world.DeniedTool, d.From)
	silent, _ := d.World.When(world.Silenced, d.From)
	dana := fmt.Sprintf("/activity?q=user:dana@%s+after:%s", d.World.Org.Domain, tuesday.Format(time.DateOnly))
	return []shot{
		{"sign-in", "/", 1280, 560, false, nobody},
		{"overview", "/", 1280, 1240, false, ""},
		{"activity", dana, 1280, 900, false, ""},
		{"activity-dark", dana, 1280, 900, true, ""},
		{"activity-narrow", dana, 390, 844, false, ""},
		{"session", "/session/" + sessionOf(d, world.Silenced, silent), 1280, 1100, false, ""},
		{"session-denied", "/session/" + sessionOf(d, world.DeniedTool, tuesday), 1280, 1100, true, ""},
		{"record", "/record/100", 1280, 1100, false, ""},
		{"organisation", "/organisation", 1280, 1500, false, ""},
		{"case", "/cases/" + d.Case, 1280, 1300, false, ""},
		{"cases", "/cases", 1280, 760, false, ""},
		{"capture", "/settings/capture?at=1&source=&plane=&surface=&group=works-council&credential=&keep=metadata&at=2&source=&plane=agent&surface=&group=&credential=&keep=detail", 1280, 1300, false, ""},
		{"health", "/health", 1280, 900, false, ""},
		{"settings", "/settings", 1280, 1200, false, d.People[0].Login},
		{"overview-counsel", "/", 390, 844, true, "friederike"},
		{"reviews", "/reviews", 1280, 900, false, "helene"},
	}
}

// sessionOf is the session in which an incident happened.
func sessionOf(d app.DemoStarted, i world.Incident, at time.Time) string {
	for _, a := range d.World.Between(at.Add(-time.Hour), at.Add(2*time.Hour)) {
		if a.Incident == i && a.Keys.Session != "" {
			return a.Keys.Session
		}
	}
	return ""
}

func run(ctx context.Context, out string, seed uint64) (err error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tripod-screenshots-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg := config.Default()
	free := "127.0.0.1:0"
	cfg.Override(config.Overrides{Data: &dir, ListenConsole: &free, ListenOTLPHTTP: &free, ListenOTLPGRPC: &free, ListenGateway: &free})
	cfg.Capture = capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var taken error
	err = app.Demo(ctx, app.DemoOptions{
		Config: cfg, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Seed: seed,
		Started: func(d app.DemoStarted) {
			taken = take(ctx, d, out)
			cancel()
		},
	})
	return errors.Join(err, taken)
}

// take opens each page in turn and writes what it looks like.
func take(ctx context.Context, d app.DemoStarted, out string) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	links := map[string]string{"": d.Link, nobody: "about:blank"}
	for _, p := range d.People {
		links[p.Login] = p.Link
	}
	is := "?"
	for _, s := range shots(d) {
		if s.as != is { // a sign-in takes the place of the one before
			if err := chromedp.Do(ctx, chromedp.Navigate(links[s.as])); err != nil {
				return fmt.Errorf("sign in as %q: %w", s.as, err)
			}
			is = s.as
		}
		png, err := look(ctx, d.Console, s)
		if err == nil {
			err = os.WriteFile(filepath.Join(out, s.name+".png"), png, 0o644)
		}
		if err != nil {
			return fmt.Errorf("picture of %s: %w", s.path, err)
		}
	}
	return nil
}

// settled holds once a page has everything it asked for.
const settled = `document.readyState === "complete" && !document.querySelector(".htmx-request, .waiting, .htmx-settling, .htmx-swapping")`

func look(ctx context.Context, console string, s shot) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	err := chromedp.Do(ctx, chromedp.EmulateViewport(s.width, s.height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
		return err
	}), chromedp.Navigate(console+s.path))
	if err != nil {
		return nil, err
	}
	for done := false; !done; {
		if done, err = chromedp.Run(ctx, chromedp.Evaluate[bool](settled)); err != nil {
			return nil, err
		}
	}
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}
