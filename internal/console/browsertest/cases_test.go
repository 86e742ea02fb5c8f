package browsertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// caseBench is a bench that keeps content, and cases about some of it.
func caseBench(t *testing.T) (*consoletest.Bench, consoletest.Filed) {
	t.Helper()
	chromium(t)
	b := consoletest.New(t, consoletest.Options{Capture: capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}})
	return b, b.File(time.Now().Add(-time.Hour))
}

// as signs the browser in as somebody.
func (br *browser) as(who *access.Person) {
	br.t.Helper()
	br.run(chromedp.Navigate(br.bench.Link(who)))
	br.wait(`document.querySelector('nav[aria-label="Pages"]') !== null`)
}

// TestAskByKeys asks for content from a record's page, without a pointer, and looks at what it opens.
func TestAskByKeys(t *testing.T) {
	b, f := caseBench(t)
	br := open(t, b)
	br.look(looks[0])
	br.as(consoletest.Ana())
	br.visit(fmt.Sprintf("/record/%d", f.Seqs[0]))
	br.run(chromedp.Focus(chromedp.CSS("a[data-asks]")))
	br.key(kb.Enter)
	br.wait(`document.querySelector("dialog#asking")?.open && document.activeElement.id === "ask-case"`)
	br.settle()
	br.shoot("ask-dialog-1280-light")
	for _, finding := range br.axe() {
		t.Errorf("the dialog: %s", finding)
	}
	br.key(kb.Escape)
	br.wait(`!document.querySelector("dialog#asking").open && document.activeElement.matches("a[data-asks]")`)
	br.key(kb.Enter)
	br.wait(`document.activeElement.id === "ask-case"`)
	br.run(chromedp.Focus(chromedp.CSS("#ask-reason")))
	br.key("what was asked of the model")
	br.key(kb.Tab)
	br.wait(`document.activeElement.type === "submit"`)
	br.key(kb.Enter)
	br.wait(`location.pathname.startsWith("/cases/C-") && location.hash.startsWith("#G-")`)
	br.settle()

	// What is open already opens beside the record, and goes when its grant does.
	br.visit(fmt.Sprintf("/record/%d", f.Seqs[0]))
	br.run(chromedp.Focus(chromedp.CSS(`.openable a[hx-get*="` + f.Grant + `"]`)))
	br.key(kb.Enter)
	br.wait(`document.querySelector("#opened .opened pre")?.textContent.includes("mail of ward 4")`)
	br.settle()
	br.shoot("record-opened-1280-light")
	for _, finding := range br.axe() {
		t.Errorf("with content: %s", finding)
	}
	eval[string](br, `(document.querySelector("#opened .opened").dataset.ends = "2020-01-01T00:00:00Z", "")`)
	br.wait(`!document.querySelector("#opened pre") && document.querySelector("#opened").textContent.includes("The grant is over")`)
}
