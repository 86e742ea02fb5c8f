package credential_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/health"
)

// TestDenialsAreAConditionUntilTheyStop keeps a fleet with a stale token from losing its evidence unnoticed.
func TestDenialsAreAConditionUntilTheyStop(t *testing.T) {
	t.Parallel()
	var registry health.Registry
	d := &credential.Denials{Code: "door.denied", What: "deliveries", Advice: "ask", Health: &registry, Logger: slog.New(slog.DiscardHandler)}
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	for i := range 10 {
		d.Note(t.Context(), at.Add(time.Duration(i)*time.Second))
	}
	raised := registry.Conditions()
	if len(raised) != 1 || raised[0].Code != "door.denied" || !strings.Contains(raised[0].Text, "10 deliveries since 2026-11-23 03:00:00") {
		t.Fatalf("conditions = %+v", raised)
	}
	d.Forgive(at.Add(credential.DeniedFor))
	if len(registry.Conditions()) != 1 {
		t.Error("forgotten too early: the last refusal is not yet that long ago")
	}
	d.Forgive(at.Add(credential.DeniedFor + 9*time.Second))
	if raised := registry.Conditions(); len(raised) != 0 {
		t.Errorf("still raised: %+v", raised)
	}
	d.Note(t.Context(), at.Add(time.Hour))
	if raised := registry.Conditions(); len(raised) != 1 || !strings.Contains(raised[0].Text, "1 deliveries since 2026-11-23 04:00:00") {
		t.Errorf("conditions = %+v", raised)
	}
}
