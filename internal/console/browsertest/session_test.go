package browsertest

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
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
