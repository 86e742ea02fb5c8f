package content

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

func TestGrant(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	a := put(t, s, "c1", "text")[0]
	put(t, s, "c2", "text")
	ctx := context.Background()

	var recorded []Opening
	terms := Terms{
		Purpose: "access request", Case: "case-7", Who: "counsel@example.com", Class: audit.ClassText, Containers: []string{"c1"},
		Expires: time.Now().Add(time.Hour),
		Record: func(_ context.Context, o Opening) error {
			recorded = append(recorded, o)
			return nil
		},
	}
	grant := func(change func(*Terms)) Grant {
		t.Helper()
		with := terms
		change(&with)
		g, err := NewGrant(with)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	same := func(*Terms) {}
	opening := Opening{"access request", "case-7", "counsel@example.com", audit.ClassText, "c1", a, false}
	f := func(name string, g Grant, container string, want error, wantRecorded ...Opening) {
		t.Helper()
		recorded = nil
		got, err := s.Reader().Open(ctx, g, container, a)
		if !errors.Is(err, want) || want == nil && string(got) != "text" || want != nil && got != nil {
			t.Errorf("%s: %q, %v, want %v", name, got, err, want)
		}
		if diff := cmp.Diff(wantRecorded, recorded); diff != "" {
			t.Errorf("%s: recorded (-want +got)\n%s", name, diff)
		}
	}
	detail := opening
	detail.Class = audit.ClassDetail
	f("good", grant(same), "c1", nil, opening)
	f("good, of a lesser class", grant(same).For(audit.ClassDetail), "c1", nil, detail)
	f("detail", grant(func(t *Terms) { t.Class = audit.ClassDetail }).For(audit.ClassDetail), "c1", nil, detail)
	f("zero", Grant{}, "c1", ErrRefused)
	f("zero, narrowed", Grant{}.For(audit.ClassDetail), "c1", ErrRefused)
	f("wrong container", grant(same), "c2", ErrRefused)
	f("wrong class", grant(func(t *Terms) { t.Class = audit.ClassDetail }).For(audit.ClassText), "c1", ErrRefused)
	f("class left open", grant(func(t *Terms) { t.Class = audit.ClassDetail }), "c1", ErrRefused)
	f("no class of content", grant(same).For(audit.ClassMetadata), "c1", ErrRefused)
	f("unknown class", grant(same).For("secret"), "c1", ErrRefused)
	f("expired", grant(func(t *Terms) { t.Expires = time.Now() }), "c1", ErrRefused)
	cause := errors.New("journal is full")
	failing := grant(func(t *Terms) { t.Record = func(context.Context, Opening) error { return cause } })
	f("recorder fails", failing, "c1", ErrRefused)
	f("recorder fails", failing, "c1", cause)
	machine := grant(func(t *Terms) { t.Case, t.Containers, t.Any = "", nil, true })
	opening.Case = ""
	f("machine", machine, "c1", nil, opening)
	opening.Container = "c3"
	f("an attempt is recorded too", machine, "c3", ErrMissing, opening)

	recorded = nil
	if _, _, err := s.Reader().Disclose(ctx, failing, "c1", a); !errors.Is(err, ErrRefused) {
		t.Errorf("disclose without a record: %v", err)
	}
	plaintext, proof, err := s.Reader().Disclose(ctx, grant(same), "c1", a)
	if err != nil || len(recorded) != 1 || !recorded[0].Disclosed {
		t.Fatalf("disclose: %v, recorded %v", err, recorded)
	}
	if err := VerifyDisclosure(a, plaintext, proof); err != nil {
		t.Error(err)
	}
}

func TestNewGrantRefuses(t *testing.T) {
	t.Parallel()
	f := func(want string, change func(*Terms)) {
		t.Helper()
		terms := Terms{
			Purpose: "p", Case: "c", Who: "w", Class: audit.ClassText, Containers: []string{"c"}, Expires: time.Now().Add(time.Hour),
			Record: func(context.Context, Opening) error { return nil },
		}
		change(&terms)
		if _, err := NewGrant(terms); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	f("purpose", func(t *Terms) { t.Purpose = "" })
	f("nobody", func(t *Terms) { t.Who = "" })
	f("class", func(t *Terms) { t.Class = audit.ClassMetadata })
	f("class", func(t *Terms) { t.Class = "" })
	f("containers", func(t *Terms) { t.Containers = nil })
	f("containers", func(t *Terms) { t.Any, t.Case = true, "" })
	f("a case names", func(t *Terms) { t.Any, t.Containers = true, nil })
	f("expiry", func(t *Terms) { t.Expires = time.Time{} })
	f("recorder", func(t *Terms) { t.Record = nil })
}

// A grant is fixed when it is made.
func TestGrantDoesNotFollowItsTerms(t *testing.T) {
	t.Parallel()
	containers := []string{"c1"}
	g, err := NewGrant(Terms{
		Purpose: "p", Who: "w", Class: audit.ClassText, Containers: containers, Expires: time.Now().Add(time.Hour),
		Record: func(context.Context, Opening) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	containers[0] = "c2"
	if err := g.use(context.Background(), "c2", "", false); !errors.Is(err, ErrRefused) {
		t.Errorf("the grant changed: %v", err)
	}
}

func TestVerifyDisclosure(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	a := put(t, s, "c", "text", "")
	plaintext, opening, err := s.Reader().Disclose(context.Background(), anyGrant(t), "c", a[0])
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, a Address, plaintext, opening []byte, ok bool) {
		t.Helper()
		if err := VerifyDisclosure(a, plaintext, opening); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	f("good", a[0], plaintext, opening, true)
	f("other plaintext", a[0], []byte("tex"), opening, false)
	f("other opening", a[0], plaintext, make([]byte, 32), false)
	f("other address", a[1], plaintext, opening, false)
	f("bytes moved from the opening", a[0], append([]byte{opening[31]}, plaintext...), opening[:31], false)
	f("bytes moved to the opening", a[0], plaintext[1:], append(opening[:32:32], plaintext[0]), false)
	f("no address", "", plaintext, opening, false)
}
