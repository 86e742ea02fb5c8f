package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake"
)

// TestSessionRecordHealth opens these pages in every look.
func TestSessionRecordHealth(t *testing.T) {
	b := bench(t)
	sessions := b.Fill(6, time.Now())
	b.Hostile(time.Now())
	br := open(t, b)
	for _, l := range looks {
		br.look(l)
		for _, p := range []shown{
			{"session", "/session/" + sessions[3]}, {"record", "/record/9"}, {"health", "/health"},
		} {
			br.visit(p.path)
			br.shoot(p.name + "-" + l.String())
			if wide := eval[int64](br, "document.documentElement.scrollWidth"); wide > l.width {
				t.Errorf("%s %s: %d pixels wide", p.name, l, wide)
			}
			for _, finding := range br.axe() {
				t.Errorf("%s %s: %s", p.name, l, finding)
			}
		}
	}
}

// TestReplayByKeys steps through a session, opens a record beside it and closes it again, without a pointer.
func TestReplayByKeys(t *testing.T) {
	b := bench(t)
	sessions := b.Fill(2, time.Now())
	br := open(t, b)
	br.look(looks[0])
	br.visit("/session/" + sessions[0])
	said := func() string { return eval[string](br, `document.getElementById("replay-said").textContent`) }
	at := func() string {
		return eval[string](br, `document.querySelector(".drawing .cursor").getAttribute("x1")`)
	}
	step := func(key, want string) {
		t.Helper()
		br.key(key)
		if got := said(); !strings.HasPrefix(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
	}
	step(kb.ArrowRight, "Record 1 of ")
	first := at()
	step(kb.ArrowRight, "Record 2 of ")
	if second := at(); second == first {
		t.Errorf("the cursor stays at %s", first)
	}
	step(kb.ArrowLeft, "Record 1 of ")
	step(kb.End, "Record "+eval[string](br, `String(document.querySelectorAll("#turns [data-seq]").length)`))
	step(kb.Home, "Record 1 of ")
	br.key(" ")
	br.wait(`/^Record [3-9]/.test(document.getElementById("replay-said").textContent)`)
	br.key(" ")
	br.wait(`document.querySelector('[data-replay="play"]').textContent.trim() === "Play"`)
	br.key("j")
	br.key("j")
	br.wait(`document.activeElement.matches("#turns .step")`)
	br.key(kb.Enter)
	br.wait(`document.querySelector("#panel article.record") && document.activeElement.closest("#panel")`)
	if n := eval[int64](br, `document.querySelectorAll("#panel script").length`); n != 0 {
		t.Errorf("%d scripts in the panel", n)
	}
	for _, finding := range br.axe() {
		t.Errorf("with the panel: %s", finding)
	}
	br.key(kb.Escape)
	br.wait(`!document.querySelector("#panel article") && document.activeElement.matches("#turns .step")`)
}

// TestRecordOpensFromTheAxis clicks a mark on the axis.
func TestRecordOpensFromTheAxis(t *testing.T) {
	b := bench(t)
	sessions := b.Fill(2, time.Now())
	br := open(t, b)
	br.look(looks[0])
	br.visit("/session/" + sessions[1])
	eval[string](br, `(() => { const m = document.querySelectorAll(".drawing .mark")[5]; m.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true})); return ""})()`)
	br.wait(`document.querySelector("#panel article.record") && document.querySelector(".drawing .mark.now") && document.querySelector(".chip.now")`)
}

// stories submits a session whose start is folded away and two calls of which a hook refused, and returns its path.
func stories(b *consoletest.Bench) string {
	at := time.Now().Add(-time.Hour)
	var drafts []intake.Draft
	add := func(kind string, activity audit.Activity, o audit.Outcome, prompt, tool string, attrs ...string) {
		at = at.Add(3 * time.Second)
		r := &audit.Record{Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Type: kind, Activity: activity, Outcome: o, Occurred: at,
			Keys: audit.Keys{Session: "story", Prompt: prompt, ToolUse: tool}, Container: "session/story"}
		for i := 0; i+1 < len(attrs); i += 2 {
			r.Attributes = append(r.Attributes, audit.Attr{Name: attrs[i], Value: audit.String(attrs[i+1])})
		}
		drafts = append(drafts, intake.Draft{Record: r, Form: fmt.Appendf(nil, "story %d", len(drafts))})
	}
	add("plugin_loaded", audit.ActivityExtension, audit.OutcomeSuccess, "", "")
	add("hook_registered", audit.ActivitySettingChange, audit.OutcomeSuccess, "", "")
	for i := range 2 {
		p, tool := fmt.Sprint("p", i), fmt.Sprint("t", i)
		add("user_prompt", audit.ActivityPrompt, audit.OutcomeSuccess, p, "")
		hook := []string{"hook_event", "PreToolUse", "hook_name", "PreToolUse:Bash", "num_hooks", "1", "num_blocking", "1"}
		add("hook_execution_start", audit.ActivityHookRun, audit.OutcomeUnknown, p, "", hook...)
		add("hook_execution_complete", audit.ActivityHookRun, audit.OutcomeDenied, p, "", hook...)
		add("tool_decision", audit.ActivityToolDecision, audit.OutcomeDenied, p, tool, "source", "hook")
	}
	b.Submit("fleet", drafts...)
	b.CatchUp()
	return "/session/story"
}

// TestDenialsByKeys walks from one refused call to the next and back.
func TestDenialsByKeys(t *testing.T) {
	b := bench(t)
	path := stories(b)
	br := open(t, b)
	now := func() string { return eval[string](br, `document.activeElement.closest(".step")?.id || ""`) }
	for _, l := range looks {
		br.look(l)
		br.visit(path)
		bad := eval[string](br, `[...document.querySelectorAll(".step.bad")].map((el) => el.id).join(" ")`)
		first, second, _ := strings.Cut(bad, " ")
		for _, press := range []struct{ key, want string }{{"n", first}, {"n", second}, {"n", second}, {"N", first}, {"N", first}} {
			br.key(press.key)
			if got := now(); got != press.want {
				t.Errorf("%s: %s leads to %q, want %q of %q", l, press.key, got, press.want, bad)
			}
		}
		if n := eval[int64](br, `document.querySelectorAll(".drawing .pennant").length`); n != 2 {
			t.Errorf("%s: %d pennants", l, n)
		}
		if wide := eval[float64](br, `Math.min(...[...document.querySelectorAll(".drawing .mark.denied")].map((el) => el.getBoundingClientRect().width))`); wide < 6 {
			t.Errorf("%s: a denied mark is %.1f pixels wide", l, wide)
		}
		br.shoot("denials-" + l.String())
		for _, finding := range br.axe() {
			t.Errorf("%s: %s", l, finding)
		}
	}
	br.visit(path)
	br.run(chromedp.Click(".figures a"))
	br.wait(`document.activeElement.matches(".step.bad") && document.querySelector("#turns .chip.now")`)
	eval[string](br, `(document.querySelector("#turns a[data-open]").click(), "")`)
	br.wait(`document.querySelector("#panel article.record h2")?.textContent.includes("Record 5")`)
}

// TestFoldOpensForWhoComes holds that what is folded away opens for replay, for links and for paper.
func TestFoldOpensForWhoComes(t *testing.T) {
	b := bench(t)
	path := stories(b)
	br := open(t, b)
	br.look(looks[0])
	open := func() bool { return eval[bool](br, `document.querySelector("details.fold").open`) }
	closed := func(when string) {
		t.Helper()
		br.run(chromedp.Navigate("about:blank"))
		br.visit(path)
		if open() {
			t.Errorf("%s: it is open to begin with", when)
		}
	}
	closed("replay")
	br.key(kb.ArrowRight)
	if !open() {
		t.Error("replay stands on a step that is folded away")
	}
	closed("keys")
	br.key("j")
	br.key(kb.Enter)
	br.wait(`document.querySelector("details.fold").open && document.activeElement.matches("summary")`)
	br.key("j")
	br.wait(`document.activeElement.matches("details .step")`)
	br.run(chromedp.Navigate("about:blank"))
	br.visit(path + "#step-1")
	if !open() || eval[string](br, `document.activeElement.id`) != "step-1" {
		t.Error("a link to a step does not open what it is folded into")
	}
	closed("paper")
	eval[string](br, `(dispatchEvent(new Event("beforeprint")), "")`)
	if !open() {
		t.Error("paper lacks what is folded away")
	}
	eval[string](br, `(dispatchEvent(new Event("afterprint")), "")`)
	if open() {
		t.Error("it stays open after printing")
	}
}

// TestSessionNamedByDots follows links to sessions whose ids a browser would take out of a path.
func TestSessionNamedByDots(t *testing.T) {
	b := bench(t)
	for i, id := range []string{".", ".."} {
		r := &audit.Record{Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityHookRun, Type: "dots",
			Occurred: time.Now(), Keys: audit.Keys{Session: id}, Container: "session/" + id}
		b.Submit("fleet", intake.Draft{Record: r, Form: fmt.Appendf(nil, "dots %d", i)})
	}
	b.CatchUp()
	br := open(t, b)
	for i, id := range []string{".", ".."} {
		br.visit(fmt.Sprintf("/record/%d", i+1))
		eval[float64](br, `document.querySelector('.record-what a[href^="/session"]').click();0`)
		br.wait(fmt.Sprintf(`document.querySelector(".session-title code")?.textContent === %q`, id))
	}
}

// TestAnotherPortOpensNothing lets a page on another port of this machine ask for pages in the name of who is signed in, and
// lead there; only going on from Tripod's own page opens one.
func TestAnotherPortOpensNothing(t *testing.T) {
	b := bench(t)
	b.Fill(1, time.Now())
	br := open(t, b)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<title>x</title><link rel="icon" href="data:,"><img src="%[1]s/record/7"><a href="%[1]s/record/7">look</a>`, b.Server.URL)
	}))
	t.Cleanup(other.Close)
	defer br.forgive("") // a page of elsewhere is no trouble of ours
	opened := func() int { return len(b.Own(console.TypeOpen)) }
	before := opened()
	br.run(chromedp.Navigate(other.URL))
	br.wait(`document.readyState === "complete" && document.images[0]?.complete`)
	eval[float64](br, `document.querySelector("a").click();0`)
	br.wait(`document.querySelector("h1")?.textContent === "Another page led here"`)
	if n := opened(); n != before {
		t.Errorf("%d records of what another page asked for", n-before)
	}
	eval[float64](br, `document.querySelector('main a[href="/record/7"]').click();0`)
	br.wait(`document.querySelector(".record-what") !== null`)
	if n := opened(); n != before+1 {
		t.Errorf("%d records of going on, want 1", n-before)
	}
}

// TestPauseStaysInView plays a session and goes to its end: picture and Pause are on the screen all the while, and hide no step that is
// played.
func TestPauseStaysInView(t *testing.T) {
	b := bench(t)
	sessions := b.Fill(2, time.Now())
	br := open(t, b)
	for _, l := range []look{looks[0], looks[2]} {
		br.look(l)
		br.run(chromedp.Navigate("about:blank"))
		br.visit("/session/" + sessions[0])
		br.key(" ")
		br.wait(`document.querySelector(".session.replaying .step.now") !== null`)
		br.key(kb.End) // playing there by itself takes as long as a person needs to follow
		br.wait(`/^Record (\d+) of \1:/.test(document.getElementById("replay-said").textContent)`)
		// Scrolling there takes a moment; a picture or a button out of sight, or a step under the picture, stay so.
		br.wait(`[".drawing svg", '[data-replay="play"]'].every((s) => { const r = document.querySelector(s).getBoundingClientRect(); return r.top >= 0 && r.top < innerHeight })`)
		br.wait(`document.querySelector(".step.now").getBoundingClientRect().top >= document.querySelector(".axis.card").getBoundingClientRect().bottom`)
		br.shoot("replay-" + l.String())
		for _, finding := range br.axe() {
			t.Errorf("%s: %s", l, finding)
		}
		br.key(kb.Escape)
		br.wait(`!document.querySelector(".session.replaying")`)
	}
}
