package access_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/tripod-audit/tripod/internal/access"
)

func TestRights(t *testing.T) {
	t.Parallel()
	overContent := []access.Right{access.OpenContent, access.RequestGrant, access.ApproveGrant, access.BreakGlass}
	for _, r := range access.Rights() {
		holders := access.Holders(r)
		if len(holders) == 0 {
			t.Errorf("nobody holds %s", r)
		}
		for _, role := range access.Roles() {
			p := &access.Person{Subject: "x", Roles: []access.Role{role}}
			if got, want := p.May(r), slices.Contains(holders, role); got != want {
				t.Errorf("%s may %s: %v", role, r, got)
			}
			if err := p.Allow(r); err != nil && !errors.Is(err, access.ErrForbidden) {
				t.Errorf("%s: %v", r, err)
			}
		}
		if slices.Contains(overContent, r) && (slices.Contains(holders, access.Administrator) || slices.Contains(holders, access.Operator)) {
			t.Errorf("who runs the machine holds %s", r)
		}
	}
	if everybody := (&access.Person{Roles: access.Roles()}); everybody.May(access.Files) || everybody.May(access.MasterKey) {
		t.Error("a role holds what only files give")
	}
	var nobody *access.Person
	if nobody.May(access.SignedIn) || !nobody.May(access.Anybody) {
		t.Error("nobody may what the signed in may, or not what anybody may")
	}
	narrow := &access.Person{Subject: "x", Roles: access.Roles(), Only: []access.Right{access.ReadHealth}}
	if narrow.May(access.ReadRecords) || !narrow.May(access.ReadHealth) {
		t.Error("a token's scope does not bind")
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	a := &access.Person{Subject: "oidc:1@https://idp", Email: "dana@example.com"}
	for _, c := range []struct {
		other *access.Person
		same  bool
	}{
		{&access.Person{Subject: "oidc:1@https://idp"}, true},
		{&access.Person{Subject: "os:dana", Email: "DANA@example.com"}, true},
		{&access.Person{Subject: "oidc:2@https://idp", Email: "kim@example.com"}, false},
		{&access.Person{Email: "kim@example.com"}, true}, // nobody in particular is nobody else
		{nil, true},
	} {
		if got := a.Same(c.other); got != c.same {
			t.Errorf("%+v: %v", c.other, got)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, e := range access.Table() {
		name := e.Route + e.Command
		if (e.Route == "") == (e.Command == "") || seen[name] || e.Does == "" {
			t.Errorf("a line that names nothing, twice or without words: %+v", e)
		}
		seen[name] = true
		files := e.Command != "" && (e.Right == access.Files || e.Right == access.MasterKey)
		if e.Right != access.Anybody && e.Right != access.SignedIn && !files && !slices.Contains(access.Rights(), e.Right) {
			t.Errorf("%s asks for %q, which is no right", name, e.Right)
		}
	}
}
