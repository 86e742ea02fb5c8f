package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// TestWhatWaitsByRole: a release that waits is told to who may release it and did not ask, the end of somebody's access to
// them and to who reads settings, and discrepancies to who reads records.
func TestWhatWaitsByRole(t *testing.T) {
	t.Parallel()
	d := newKept(t)
	id := d.hold(d.matter())
	d.done(d.send(d.carl, "/lifecycle", "/lifecycle/holds/"+id+"/ask-release", "reason", "settled"))
	sees := func(who *access.Person, want ...string) {
		t.Helper()
		d.SignInAs(who)
		page := text(d.Get("/").Body)
		for _, w := range want {
			if without, not := strings.CutPrefix(w, "!"); not == strings.Contains(page, strings.TrimPrefix(w, "!")) {
				t.Errorf("as %s: %q, wanted: %v\n%s", who.Name, without, !not, page)
			}
		}
	}
	const release = "asks to release the legal hold "
	sees(d.priya, release+id, "Open discrepancies", "!Roles: so far")
	sees(d.carl, "!"+release, "!Open discrepancies", "!Activity")
	sees(consoletest.Somebody("olga", access.Operator), "!"+release, "!Open discrepancies", "!Not for your roles")
	later := time.Now().AddDate(2, 0, -3) // the bench gives everybody two years
	d.Clock.Store(&later)
	sees(d.priya, "your access as privacy officer runs out in", "the access of olga (olga@example.com) as operator runs out in")
	sees(d.carl, "your access as counsel runs out in", "!the access of olga")
}

// TestFirstRoles: who sets Tripod up alone is told which roles do what they may not, and what gives them these; nobody is
// once somebody has a role by the configuration.
func TestFirstRoles(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{Access: func(c *signin.Config, _ *signin.Deps) { c.Local = nil }})
	who, err := b.SignIns.Local("root")
	if err != nil {
		t.Fatal(err)
	}
	link, err := b.Console.Link(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	b.Do("GET", link, nil)
	for _, path := range []string{"/", "/settings"} {
		a := b.Get(path)
		consoletest.CheckInert(t, path, a.Body)
		holds(t, path, a.Body, "so far you are the administrator alone", "os_user: &#34;root&#34;", "roles: [administrator, privacy_officer, analyst]")
	}
	holds(t, "refused", b.Get("/cases").Body, "Not for your roles", "give the role to who needs it")
	b.SignIn()
	if a := b.Get("/"); strings.Contains(a.Body, "administrator alone") {
		t.Error("it is told though roles are given")
	}
}
