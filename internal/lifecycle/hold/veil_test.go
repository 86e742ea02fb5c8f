package hold_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
)

// TestVeil: who does not see a matter learns no more of its holds than that there are any, and decides nothing about them.
func TestVeil(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	h := s.set(t, hold.Scope{Custodians: []string{"dana@example.com"}, From: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)})
	outside := s.keeperThat(t, func(by *access.Person, _ string, _ time.Time) bool { return by.Subject == carla.Subject })
	for _, who := range []*access.Person{carla, petra} {
		list, err := outside.List(ctx, who)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		one, err := outside.Show(ctx, who, h.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []hold.Hold{list[0], one} {
			if sees := len(got.Custodians) == 1 && !got.From.IsZero() && !got.Veiled; sees != (who == carla) || got.ID != h.ID || got.State != hold.Active {
				t.Errorf("%s sees %+v", who.Email, got)
			}
		}
	}
	if _, err := outside.AskRelease(ctx, petra, h.ID, "settled"); !errors.Is(err, hold.ErrPerson) || !strings.Contains(err.Error(), "does not see its matter") {
		t.Errorf("asked for the release of what is not seen: %v", err)
	}
	counsel := &access.Person{Subject: "oidc:9@idp", Email: "nina@example.com", Roles: []access.Role{access.Counsel}}
	if _, err := outside.Set(ctx, counsel, hold.NewHold{Case: "C-1", Scope: hold.Scope{Records: []uint64{1}}, Reason: "x"}); !errors.Is(err, hold.ErrInvalid) {
		t.Errorf("set under a matter that is not seen: %v", err)
	}
	if _, err := outside.AskRelease(ctx, carla, h.ID, "settled"); err != nil {
		t.Error(err)
	}
}
