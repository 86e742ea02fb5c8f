package browsertest

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// TestPanelIsAStepInHistory holds that a record beside the list can be gone into by keys, is in the address, and goes with
// Back.
func TestPanelIsAStepInHistory(t *testing.T) {
	const (
		shown   = `!document.getElementById("beside").hidden && document.querySelector("#panel article")`
		gone    = `document.getElementById("beside").hidden && !document.querySelector("#panel article") && !location.search.includes("open=")`
		focused = `document.activeElement?.id === "panel"`
		address = `new URLSearchParams(location.search).get("open") === document.querySelector("#panel article").dataset.seq`
	)
	b := bench(t)
	b.Fill(10, time.Now())
	br := open(t, b)
	br.look(looks[0])
	br.visit("/activity?q=user:dana@example.com")
	br.key("j")
	br.key(kb.Enter)
	br.wait(shown + " && " + address)
	br.settle()
	br.key(kb.Enter)
	br.wait(focused)
	br.key("j")
	br.wait(`document.activeElement.matches("#rows tr:nth-child(2) a") && ` + address)
	br.settle()
	br.key("l")
	br.wait(focused)
	seq := eval[string](br, `document.querySelector("#panel article").dataset.seq`)

	// Back closes it, Forward opens it again, Escape is Back.
	length := eval[int64](br, `history.length`)
	eval[string](br, `(history.back(), "")`)
	br.wait(gone + ` && location.pathname === "/activity"`)
	eval[string](br, `(history.forward(), "")`)
	br.wait(shown + " && " + address)
	br.settle()
	br.key(kb.Escape)
	br.wait(gone)
	if n := eval[int64](br, `history.length`); n != length {
		t.Errorf("%d steps in history, before %d", n, length)
	}

	// An address with a record, in the list or not, opens it.
	for _, path := range []string{"/activity?q=user:dana@example.com&open=" + seq, "/activity?q=tool:Nothing&open=7"} {
		br.visit(path)
		br.wait(shown + " && " + address)
		br.settle()
		br.key(kb.Escape)
		br.wait(gone)
	}
	br.visit("/activity?open=%3Cscript%3E")
	if eval[bool](br, shown+" ? true : false") {
		t.Error("an address that names no record opens something")
	}
}
