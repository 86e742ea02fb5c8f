package browsertest

import (
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// stop lets nothing answer any more; the function it returns brings the same console back at the same address.
func stop(t *testing.T, b *consoletest.Bench) (again func()) {
	t.Helper()
	address := b.Server.Listener.Addr().String()
	b.Server.CloseClientConnections()
	b.Server.Close()
	return func() {
		t.Helper()
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(b.Console.Handler())
		if err := s.Listener.Close(); err != nil {
			t.Fatal(err)
		}
		s.Listener = l
		s.Start()
		t.Cleanup(s.Close)
	}
}

// TestPagesSayThatNobodyAnswers holds that a page left open says so once the server is gone, and that it stops saying it by
// itself.
func TestPagesSayThatNobodyAnswers(t *testing.T) {
	const banner = `document.getElementById("no-answer")`
	for _, path := range []string{"/health", "/", "/activity"} {
		b := bench(t)
		b.Fill(2, time.Now())
		br := open(t, b)
		br.look(looks[0])
		br.visit(path)
		good := eval[string](br, `getComputedStyle(document.querySelector("main :is(.state, .severity), .foot")).color`)
		if eval[bool](br, banner+` !== null`) {
			t.Errorf("%s: a banner although all is well", path)
		}
		again := stop(t, b)
		eval[string](br, `(tripod.ask(), "")`)
		br.wait(banner + ` && /^No answer since \d\d:\d\d:\d\d UTC; what stands here is old\.$/.test(` + banner + `.textContent)`)
		if path == "/health" {
			br.shoot("no-answer-1280-light")
			if eval[string](br, `getComputedStyle(document.querySelector("main :is(.state, .severity)")).color`) == good {
				t.Errorf("%s: a state keeps its colour", path)
			}
			for _, l := range looks[1:] {
				br.look(l)
				br.shoot("no-answer-" + l.String())
				for _, finding := range br.axe() {
					t.Errorf("%s %s: %s", path, l, finding)
				}
			}
		}
		again()
		eval[string](br, `(tripod.ask(), "")`)
		br.wait(banner + ` === null && !document.documentElement.classList.contains("stale")`)
		br.forgive("ERR_CONNECTION_REFUSED")
		br.forgive("htmx:sendError")
		br.forgive("htmx:afterRequest")
	}
}

// TestRefusedPollKeepsThePage holds that an answer that is none neither replaces what stands there nor ends the asking.
func TestRefusedPollKeepsThePage(t *testing.T) {
	b := bench(t)
	b.Fill(2, time.Now())
	br := open(t, b)
	br.visit("/health")
	b.Refuse.Store(true)
	eval[string](br, `(tripod.ask(), "")`)
	br.wait(`/^No good answer \(503\) since /.test(document.getElementById("no-answer")?.textContent) && document.querySelector(".health-table")`)
	b.Refuse.Store(false)
	eval[string](br, `(tripod.ask(), "")`)
	br.wait(`!document.getElementById("no-answer")`)
	br.forgive("503")
}

// TestAgesGoOn holds that "5 s ago" does not stand for ever.
func TestAgesGoOn(t *testing.T) {
	b := bench(t)
	b.Fill(2, time.Now())
	br := open(t, b)
	br.visit("/health")
	eval[string](br, `(document.querySelector("[data-age]").dataset.seen -= 125000, "")`)
	br.wait(`/^[2-9] min( \d+ s)? ago$|^\d+ (h|d)/.test(document.querySelector("[data-age]").textContent)`)
}
