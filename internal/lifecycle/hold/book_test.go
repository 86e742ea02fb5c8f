package hold

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

var (
	counsel  = audit.Identity{Subject: "oidc:1@idp", Email: "carla@example.com"}
	officer  = audit.Identity{Subject: "oidc:2@idp", Email: "petra@example.com"}
	dana     = audit.Identity{Subject: "oidc:3@idp", Email: "dana@example.com"}
	nobody   = audit.Identity{Email: "new@example.com"}
	login    = audit.Identity{OSUser: "carla"}
	someTime = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
)

func matters(id string) (string, bool) {
	switch id {
	case "C-2026-0001":
		return "matter", true
	case "C-2026-0002":
		return "matter", false
	case "C-2026-0003":
		return "request", true
	}
	return "", false
}

// book is a book with what it is given so far.
type book struct {
	*Book
	seq uint64
}

func (b *book) apply(typ string, by audit.Identity, of string, attrs audit.Attrs) {
	b.seq++
	r := &audit.Record{Version: audit.SchemaVersion, Source: audit.SourceTripod, Type: typ, Recorded: someTime.Add(time.Duration(b.seq) * time.Minute), Case: of,
		Account: audit.Account{Proved: by}, Attributes: attrs}
	back, err := audit.Decode(r.AppendCanonical(nil))
	if err != nil {
		panic(err)
	}
	b.Apply(b.seq, back)
}

func (b *book) set(id, of string, by audit.Identity, s Scope) {
	h := Hold{ID: id, Scope: s}
	b.apply(TypeSet, by, of, h.attrs())
}

func (b *book) does(typ, id string, by audit.Identity) {
	b.apply(typ, by, "C-2026-0001", audit.Attrs{audit.TextAttr("hold", id)})
}

func (b *book) states() string {
	var s []string
	for _, h := range b.List() {
		s = append(s, h.ID+" "+string(h.State))
	}
	slices.Reverse(s)
	return strings.Join(s, ", ")
}

var danas = Scope{Custodians: []string{"dana@example.com"}}

// TestBook: what breaks a rule changes nothing, whoever wrote it.
func TestBook(t *testing.T) {
	t.Parallel()
	const one = "H-2026-0001"
	set := func(b *book) { b.set(one, "C-2026-0001", counsel, danas) }
	ask := func(by audit.Identity) func(*book) { return func(b *book) { b.does(TypeAskRelease, one, by) } }
	release := func(by audit.Identity) func(*book) { return func(b *book) { b.does(TypeRelease, one, by) } }
	keep := func(b *book) { b.does(TypeKeep, one, officer) }
	for _, tc := range []struct {
		name string
		do   []func(*book)
		want string
	}{
		{"set", []func(*book){set}, one + " active"},
		{"set twice under one number", []func(*book){set, set}, one + " active"},
		{"out of turn", []func(*book){func(b *book) { b.set("H-2026-0002", "C-2026-0001", counsel, danas) }}, ""},
		{"of another year", []func(*book){func(b *book) { b.set("H-2025-0001", "C-2026-0001", counsel, danas) }}, ""},
		{"two", []func(*book){set, func(b *book) { b.set("H-2026-0002", "C-2026-0001", counsel, danas) }}, one + " active, H-2026-0002 active"},
		{"under a closed matter", []func(*book){func(b *book) { b.set(one, "C-2026-0002", counsel, danas) }}, ""},
		{"under a request", []func(*book){func(b *book) { b.set(one, "C-2026-0003", counsel, danas) }}, ""},
		{"under no case", []func(*book){func(b *book) { b.set(one, "", counsel, danas) }}, ""},
		{"by its custodian", []func(*book){func(b *book) { b.set(one, "C-2026-0001", dana, danas) }}, ""},
		{"over nothing", []func(*book){func(b *book) { b.set(one, "C-2026-0001", counsel, Scope{}) }}, ""},
		{"over no time", []func(*book){func(b *book) { b.set(one, "C-2026-0001", counsel, Scope{From: someTime, Until: someTime}) }}, ""},
		{"released by one", []func(*book){set, release(counsel)}, one + " active"},
		{"asked", []func(*book){set, ask(counsel)}, one + " releasing"},
		{"asked and released by one", []func(*book){set, ask(counsel), release(counsel)}, one + " releasing"},
		{"asked and released by two sign-ins of one", []func(*book){set, ask(counsel), release(audit.Identity{Subject: "os:x", OSUser: "carla", Email: "Carla@example.com"})}, one + " releasing"},
		{"asked by a login name without an address", []func(*book){set, ask(login)}, one + " active"},
		{"released by a login name without an address, who may be who asked", []func(*book){set, ask(counsel), release(login)}, one + " releasing"},
		{"released by nobody who can be told", []func(*book){set, ask(counsel), release(nobody)}, one + " releasing"},
		{"asked by its custodian", []func(*book){set, ask(dana)}, one + " active"},
		{"released by its custodian", []func(*book){set, ask(counsel), release(dana)}, one + " releasing"},
		{"released by two", []func(*book){set, ask(counsel), release(officer)}, one + " released"},
		{"kept", []func(*book){set, ask(counsel), keep}, one + " active"},
		{"kept and released", []func(*book){set, ask(counsel), keep, release(officer)}, one + " active"},
		{"immutable after release", []func(*book){set, ask(counsel), release(officer), ask(counsel), keep, set}, one + " released"},
		{"one that does not exist", []func(*book){ask(counsel), release(officer), keep}, ""},
	} {
		b := &book{Book: NewBook(matters)}
		for _, do := range tc.do {
			do(b)
		}
		if got := b.states(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestBookReadsWhatAttrsWrite: a hold comes back from its record as it was.
func TestBookReadsWhatAttrsWrite(t *testing.T) {
	t.Parallel()
	b := &book{Book: NewBook(matters)}
	want := Scope{Containers: []string{"session/-/a"}, Records: []uint64{7, 9}, Custodians: []string{"dana@example.com"},
		Surfaces: []audit.Surface{audit.SurfaceCowork}, From: someTime, Until: someTime.Add(time.Hour)}
	b.set("H-2026-0001", "C-2026-0001", counsel, want)
	h, ok := b.Hold("H-2026-0001")
	if diff := cmp.Diff(want, h.Scope); !ok || diff != "" || h.Seq != 1 || h.By.Email != counsel.Email || !h.Set.Equal(someTime.Add(time.Minute)) {
		t.Errorf("%+v\n%s", h, diff)
	}
	if got := b.OfCase("C-2026-0001"); !slices.Equal(got, []string{"H-2026-0001"}) || b.OfCase("C-2026-0002") != nil {
		t.Errorf("of the matter: %v", got)
	}
	if _, err := b.mayRelease("H-2026-0009", counsel); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}
