package browsertest

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// shifted presses a key with Shift held.
func (br *browser) shifted(keys string) {
	br.t.Helper()
	br.run(chromedp.KeyEvent(keys, chromedp.KeyModifiers(chromedp.ModifierShift)))
}

// press is a key that a page acts on. Without the character that key would type: the protocol types it even where the page
// prevented that.
func (br *browser) press(key string) {
	br.t.Helper()
	br.run(command(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyDown", Key: key}),
		command(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyUp", Key: key}))
}

// TestKeys walks through activity without a pointer.
func TestKeys(t *testing.T) {
	b := bench(t)
	b.Fill(30, time.Now())
	br := open(t, b)
	br.look(looks[0])
	br.visit("/")

	br.key("g")
	br.key("a")
	br.wait(`location.pathname === "/activity" && document.querySelector("#rows")`)
	br.settle()

	// Down the list, the record beside it, on, and back.
	br.key("j")
	br.key("j")
	br.key("k")
	first := `document.querySelector("#rows tbody tr:nth-child(1) a")`
	br.wait(`document.activeElement === ` + first)
	br.key(kb.Enter)
	br.wait(`!document.querySelector("#beside").hidden && document.querySelector("#panel article").dataset.seq`)
	seq := eval[string](br, `document.querySelector("#panel article").dataset.seq`)
	if href := eval[string](br, first+`.getAttribute("href")`); href != "/record/"+seq {
		t.Errorf("record %s beside the list, %s in it", seq, href)
	}
	br.settle()
	br.shoot("activity-record-1280-light")
	for _, finding := range br.axe() {
		t.Errorf("with a record: %s", finding)
	}
	br.key(kb.ArrowDown)
	br.wait(`document.querySelector("#panel article").dataset.seq !== "` + seq + `"`)
	br.key(kb.Escape)
	br.wait(`document.querySelector("#beside").hidden && document.activeElement.closest("#rows tr:nth-child(2)")`)

	// Its own page, and back; the next page of the list.
	br.key("o")
	br.wait(`location.pathname.startsWith("/record/")`)
	br.run(chromedp.NavigateBack())
	br.wait(`location.pathname === "/activity" && document.readyState === "complete"`)
	br.key("n")
	br.wait(`new URLSearchParams(location.search).has("cursor")`)
	br.settle()
	br.key("p")
	br.wait(`location.pathname === "/activity" && !new URLSearchParams(location.search).has("cursor")`)
	br.settle()

	// The keys themselves.
	br.key("?")
	br.wait(`document.querySelector("#keys").open`)
	br.shoot("keys-1280-light")
	br.key(kb.Escape)
	br.wait(`!document.querySelector("#keys").open`)
}

// TestCompletion writes a query with what the bar offers.
func TestCompletion(t *testing.T) {
	b := bench(t)
	b.Fill(10, time.Now())
	br := open(t, b)
	br.look(looks[0])
	br.visit("/activity")
	br.press("/")
	br.wait(`document.activeElement.id === "q"`)
	br.key(" too")
	br.wait(`!document.querySelector("#options").hidden && document.querySelector("#options li").textContent.startsWith("tool:")`)
	br.key(kb.Tab)
	br.wait(`document.querySelector("#q").value.endsWith(" tool:") && [...document.querySelectorAll("#options li")].some(li => li.textContent.startsWith("Bash"))`)
	br.shoot("completion-1280-light")
	for _, finding := range br.axe() {
		t.Errorf("with suggestions: %s", finding)
	}
	br.key("Ba")
	br.wait(`document.querySelectorAll("#options li").length === 1 || document.querySelector("#options li").textContent.startsWith("Bash")`)
	br.key(kb.ArrowDown)
	br.wait(`document.querySelector("#q").getAttribute("aria-activedescendant") === "option-0"`)
	br.press("Enter")
	br.wait(`document.querySelector("#q").value === "-source:tripod tool:Bash "`)
	br.key(kb.Enter)
	br.wait(`new URLSearchParams(location.search).get("q") === "-source:tripod tool:Bash "`)
	br.settle()
	if text := eval[string](br, `document.querySelector("#rows").innerText`); !strings.Contains(text, "Bash") || strings.Contains(text, "WebFetch") {
		t.Errorf("the list is not of the query: %s", text)
	}
}

// TestBrush selects a stretch of time in the histogram, by keys and by pointer.
func TestBrush(t *testing.T) {
	b := bench(t)
	b.Fill(30, time.Now())
	br := open(t, b)
	br.look(looks[0])
	br.visit("/activity")
	br.run(chromedp.Focus(chromedp.CSS(`#histogram a[tabindex="0"]`)))
	br.key(kb.ArrowLeft)
	from := eval[string](br, `document.activeElement.previousElementSibling.dataset.from`)
	to := eval[string](br, `document.activeElement.dataset.to`)
	br.shifted(kb.ArrowLeft)
	br.wait(`Number(document.querySelector("#brush").getAttribute("width")) > 0`)
	br.press("Enter")
	br.wait(`new URLSearchParams(location.search).get("q") === "-source:tripod after:` + from + ` before:` + to + `"`)
	br.settle()

	br.visit("/activity")
	box := eval[[]float64](br, `(() => { const r = document.querySelector("#histogram svg").getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()`)
	y := box[1] + box[3]/2
	br.run(chromedp.MouseEvent("mousePressed", box[0]+box[2]*0.25, y, chromedp.Button("left")),
		chromedp.MouseEvent("mouseMoved", box[0]+box[2]*0.4, y, chromedp.Button("left")),
		chromedp.MouseEvent("mouseMoved", box[0]+box[2]*0.5, y, chromedp.Button("left")))
	br.shoot("brush-1280-light")
	br.run(chromedp.MouseEvent("mouseReleased", box[0]+box[2]*0.5, y, chromedp.Button("left")))
	br.wait(`/after:.* before:/.test(new URLSearchParams(location.search).get("q") || "")`)
	br.settle()
	if n := eval[int64](br, `document.querySelectorAll("#rows tbody tr").length`); n == 0 {
		t.Error("nothing in the stretch of time selected")
	}
}

// TestSavedQueries keeps a query in the browser.
func TestSavedQueries(t *testing.T) {
	b := bench(t)
	b.Fill(3, time.Now())
	br := open(t, b)
	br.look(looks[0])
	br.visit("/activity?q=tool%3ABash")
	br.run(chromedp.Focus(chromedp.CSS("#saved summary")))
	br.key(kb.Enter)
	br.run(chromedp.Focus(chromedp.CSS("#query-name")))
	br.key("<b>shells</b>" + kb.Enter)
	br.wait(`document.querySelector("#named a")?.textContent === "<b>shells</b>"`)
	br.shoot("saved-1280-light")
	br.visit("/activity")
	if href := eval[string](br, `document.querySelector("#named a").getAttribute("href")`); href != "/activity?q=tool%3ABash" {
		t.Errorf("saved %s", href)
	}
}

// TestSignOut leaves by keys, and looks at the closed door.
func TestSignOut(t *testing.T) {
	b := bench(t)
	br := open(t, b)
	br.look(looks[0])
	br.visit("/")
	br.run(chromedp.Focus(chromedp.CSS(".who summary")))
	br.key(kb.Enter)
	br.run(chromedp.Focus(chromedp.CSS(".who button")))
	br.shoot("account-1280-light")
	br.key(kb.Enter)
	br.wait(`document.querySelector("h1")?.textContent === "Sign in"`)
	br.shoot("closed-1280-light")
	for _, finding := range br.axe() {
		t.Errorf("closed: %s", finding)
	}
	br.forgive("status of 401") // which the browser notes as an error
}

// TestHostile looks at hostile records in a browser: what would act has acted by the end of the test if it can.
func TestHostile(t *testing.T) {
	b := bench(t)
	b.Hostile(time.Now())
	br := open(t, b)
	for _, l := range []look{looks[0], looks[2]} {
		br.look(l)
		for _, path := range []string{"/", "/activity", "/record/1", "/record/5", "/record/9", "/record/15", "/health"} {
			br.visit(path)
			br.shoot("hostile" + strings.ReplaceAll(path, "/", "-") + "-" + l.String())
			if title := eval[string](br, "document.title"); strings.Contains(title, consoletest.Mark) {
				t.Errorf("%s: a record wrote the title %q", path, title)
			}
			if wide := eval[int64](br, "document.documentElement.scrollWidth"); wide > l.width {
				t.Errorf("%s %s: %d pixels wide", path, l, wide)
			}
		}
	}
}

// TestSlashOnOtherPages presses / where there is no query and goes on typing.
func TestSlashOnOtherPages(t *testing.T) {
	b := bench(t)
	b.Fill(2, time.Now())
	br := open(t, b)
	br.look(looks[0])
	for _, path := range []string{"/", "/health", "/record/7"} {
		br.visit(path)
		br.key("/")
		br.wait(`location.pathname === "/activity" && document.activeElement?.id === "q" && location.hash === ""`)
		br.key(" dana")
		if got := eval[string](br, `document.getElementById("q").value`); !strings.HasSuffix(got, " dana") {
			t.Errorf("from %s: the query is %q", path, got)
		}
	}
}
