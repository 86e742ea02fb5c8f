package browsertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// chromium finds the browser; TRIPOD_CHROMIUM names another.
func chromium(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes too long for -short")
	}
	if path := os.Getenv("TRIPOD_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium found: install it (make installs Debian's) or name one in TRIPOD_CHROMIUM")
	return ""
}

// bench is a console to look at; without a browser to look with the test is skipped.
func bench(t *testing.T) *consoletest.Bench {
	t.Helper()
	chromium(t)
	return consoletest.New(t, consoletest.Options{})
}

// browser is one browser, signed in to a bench, that listens to what goes wrong in it.
type browser struct {
	t     *testing.T
	bench *consoletest.Bench
	ctx   context.Context

	mu       sync.Mutex
	troubles []string
}

// open starts a browser and signs it in.
func open(t *testing.T, b *consoletest.Bench) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	br := &browser{t: t, bench: b}
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(br.hear))
	t.Cleanup(cancel)
	br.ctx = ctx
	br.run(command(network.Enable, network.EnableParams{}), command(cdplog.Enable, cdp.Empty{}))
	br.run(chromedp.Navigate(b.Link(consoletest.Auditor())))
	br.wait(`document.querySelector('nav[aria-label="Pages"]') !== null`)
	t.Cleanup(func() {
		br.mu.Lock()
		defer br.mu.Unlock()
		for _, trouble := range br.troubles {
			t.Error(trouble)
		}
	})
	return br
}

// command is a command of the protocol whose answer does not matter.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// nowhere are addresses without a page: their status is an error on purpose.
var nowhere = []string{"/record/999999", "/session/nobody"}

// hear notes what a page must not do: write to the console, throw, ask another machine.
func (br *browser) hear(event any) {
	trouble := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		trouble = "exception: " + (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			trouble = "console." + string(e.Type)
			for _, arg := range e.Args {
				trouble += " " + string(arg.Value) + arg.Description
			}
		}
	case *cdplog.EventEntryAdded:
		if slices.ContainsFunc(nowhere, func(path string) bool { return strings.HasSuffix(e.Entry.URL, path) }) {
			break
		}
		if e.Entry.Level == cdplog.EntryLevelError || e.Entry.Level == cdplog.EntryLevelWarning {
			trouble = fmt.Sprintf("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Host != "" && "http://"+u.Host != br.bench.Server.URL {
			trouble = "request off the machine: " + e.Request.URL
		}
	case *page.EventJavascriptDialogOpening:
		trouble = "dialog: " + e.Message
	}
	if trouble != "" {
		br.mu.Lock()
		br.troubles = append(br.troubles, trouble)
		br.mu.Unlock()
	}
}

// forgive takes back a trouble that was meant to be.
func (br *browser) forgive(text string) {
	br.mu.Lock()
	defer br.mu.Unlock()
	br.troubles = slices.DeleteFunc(br.troubles, func(trouble string) bool { return strings.Contains(trouble, text) })
}

func (br *browser) run(steps ...chromedp.Action[chromedp.Void]) {
	br.t.Helper()
	ctx, cancel := context.WithTimeout(br.ctx, time.Minute)
	defer cancel()
	if br.t.Context().Err() == nil && chromedp.FromContext(br.ctx).Target == nil {
		ctx = br.ctx // the first run starts the browser, which lives as long as its context
	}
	if err := chromedp.Do(ctx, steps...); err != nil {
		br.t.Fatal(err)
	}
}

// look is how wide a window is and whether its colours are dark.
type look struct {
	width, height int64
	dark          bool
}

func (l look) String() string {
	if l.dark {
		return fmt.Sprintf("%d-dark", l.width)
	}
	return fmt.Sprintf("%d-light", l.width)
}

var looks = []look{{1280, 800, false}, {1280, 800, true}, {390, 844, false}, {390, 844, true}}

func (br *browser) look(l look) {
	br.t.Helper()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	br.run(chromedp.EmulateViewport(l.width, l.height), command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}))
}

// visit opens a path and waits until htmx has nothing under way.
func (br *browser) visit(path string) {
	br.t.Helper()
	br.run(chromedp.Navigate(br.bench.Server.URL + path))
	br.settle()
}

// settle waits until the page has all it asked for.
func (br *browser) settle() {
	br.t.Helper()
	br.wait(`document.readyState === "complete" && document.querySelector("#main") && !document.querySelector(".htmx-request, .waiting, .htmx-settling, .htmx-swapping")`)
}

// eval is what an expression yields.
func eval[T any](br *browser, js string) T {
	br.t.Helper()
	ctx, cancel := context.WithTimeout(br.ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		br.t.Fatalf("evaluate %s: %v", js, err)
	}
	return v
}

// wait waits until an expression holds, on whichever page comes.
func (br *browser) wait(js string) {
	br.t.Helper()
	ctx, cancel := context.WithTimeout(br.ctx, 20*time.Second)
	defer cancel()
	frame := `new Promise((done) => requestAnimationFrame(() => done(Boolean(` + js + `))))`
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](frame, chromedp.EvalAwaitPromise))
		if ok {
			return
		}
		if ctx.Err() != nil { // any other error comes of a page that is leaving
			br.shoot("failed-" + br.t.Name())
			br.t.Fatalf("waiting for %s: %v", js, errors.Join(ctx.Err(), err))
		}
	}
}

func (br *browser) key(keys string) {
	br.t.Helper()
	br.run(chromedp.KeyEvent(keys))
}

// axe reports the serious and critical findings on the page that is open.
func (br *browser) axe() []string {
	br.t.Helper()
	script, err := os.ReadFile("testdata/axe.min.js")
	if err != nil {
		br.t.Fatal(err)
	}
	var found []struct {
		ID     string
		Impact string
		Help   string
		Nodes  []struct {
			HTML           string
			FailureSummary string
		}
	}
	eval[float64](br, string(script)+";0")
	text := eval[string](br, `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations))`)
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		br.t.Fatal(err)
	}
	var list []string
	for _, f := range found {
		if f.Impact != "serious" && f.Impact != "critical" {
			br.t.Logf("axe, %s: %s: %s: %s", f.Impact, f.ID, f.Help, f.Nodes[0].HTML)
			continue
		}
		for _, n := range f.Nodes {
			list = append(list, fmt.Sprintf("%s %s: %s\n\t%s\n\t%s", f.Impact, f.ID, f.Help, n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", " ")))
		}
	}
	return list
}

// shoot writes what the page looks like to the folder that TRIPOD_SCREENSHOTS names; without one it does nothing.
func (br *browser) shoot(name string) {
	br.t.Helper()
	dir := os.Getenv("TRIPOD_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(br.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		br.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		br.t.Fatal(err)
	}
}
