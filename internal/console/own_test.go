package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// TestOwnRecordsSayWhatWasOpened holds that a list and a record tell what somebody looked at, not only that they did.
func TestOwnRecordsSayWhatWasOpened(t *testing.T) {
	t.Parallel()
	b, sessions := filled(t)
	for _, path := range []string{"/record/3", "/record/3/source", "/session/" + sessions[0], "/health"} {
		if a := b.Get(path); a.Status != http.StatusOK {
			t.Fatal(path, a.Status)
		}
	}
	b.CatchUp()
	body := b.Get("/activity" + query("source:tripod")).Body
	consoletest.CheckInert(t, "own acts", body)
	for _, want := range []string{"<bdi>Opened record 3</bdi>", "<bdi>Opened the source form of record 3</bdi>", "<bdi>Opened session " + sessions[0] + "</bdi>", "<bdi>Opened the page of health</bdi>"} {
		if !strings.Contains(body, want) {
			t.Errorf("the list lacks %s", want)
		}
	}
	_, row, _ := strings.Cut(body, "<bdi>Opened record 3</bdi>")
	if !strings.Contains(row, console.TypeOpen) {
		t.Error("the type is gone")
	}
	before, _, _ := strings.Cut(body, "<bdi>Opened session "+sessions[0])
	link := before[strings.LastIndex(before, `href="/record/`)+len(`href="`):]
	link = link[:strings.Index(link, `"`)]
	holds(t, "record of an opening", b.Get(link).Body, `opened <a href="/session/`+sessions[0]+`"><bdi>session `)
}

// TestClosedConsoleNamesItsDirectory holds that who is locked out can copy the command.
func TestClosedConsoleNamesItsDirectory(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	holds(t, "closed", b.Get("/").Body, "<code>tripod console --data "+b.Dir+"</code>")
	b = consoletest.New(t, consoletest.Options{Configure: func(c *console.Config, _ *console.Deps) { c.Dir = "" }})
	holds(t, "closed, default directory", b.Get("/").Body, "<code>tripod console</code>")
}
