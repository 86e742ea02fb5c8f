package audit_test

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
)

func TestTelling(t *testing.T) {
	t.Parallel()
	f := func(a audit.Account, want string, wantAsserted bool) {
		t.Helper()
		if got, asserted := a.Telling(); got != want || asserted != wantAsserted {
			t.Errorf("%+v: %q, asserted %t; want %q, %t", a, got, asserted, want, wantAsserted)
		}
	}
	all := audit.Identity{User: "u", UUID: "id", Email: "e", Subject: "s", Org: "o", Key: "k", Service: "v", Device: "d", OSUser: "n", Credential: "c"}
	f(audit.Account{}, "", false)
	f(audit.Account{Proved: audit.Identity{Org: "o", Device: "d", Credential: "c"}}, "", false)
	for _, step := range []struct {
		want string
		drop *string
	}{{"e", &all.Email}, {"u", &all.User}, {"id", &all.UUID}, {"s", &all.Subject}, {"v", &all.Service}, {"k", &all.Key}, {"n", &all.OSUser}} {
		f(audit.Account{Proved: all}, step.want, false)
		f(audit.Account{Asserted: all}, step.want, true)
		*step.drop = ""
	}
	f(audit.Account{Asserted: all}, "d", true)
	f(audit.Account{Asserted: audit.Identity{Email: "e"}, Proved: audit.Identity{OSUser: "n"}}, "n", false)
}
