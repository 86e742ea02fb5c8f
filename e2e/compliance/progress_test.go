package compliance

import (
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

// TestProgressIsTold has tripod doctor ask a serve that reads a history for long.
func TestProgressIsTold(t *testing.T) {
	slow(t)
	vendor, url := enterprise(t, func(o *simulated.Options) {
		o.Volume, o.Faults = 1000, simulated.Faults{Slow: 1, SlowBy: 2 * time.Second}
	})
	c := configuration(t, map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": keyFile(t, vendor.Keys().Read), "TRIPOD_COMPLIANCE_URL": url})
	var log strings.Builder
	serve(t, c, &log)
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, f := range app.Examine(t.Context(), c.Data, c) {
			if text, ok := strings.CutPrefix(f.Text, "reading what happened before: "); ok && f.Check == "source compliance.activity" {
				if !f.OK || !strings.Contains(text, " activities") || !strings.Contains(text, " left") && !strings.HasSuffix(text, "unknown") {
					t.Errorf("%+v", f)
				}
				return
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("nothing is told after %v", patience)
		}
	}
}
