package ocsf_test

import (
	"fmt"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward/ocsf"
)

var appends = map[string]func([]byte, uint64, *audit.Record) ([]byte, error){"1.6.0": ocsf.Append, "1.8.0": ocsf.Append180}

// TestEveryRecordIsValid writes every known type, in each version, and checks the events by the schema.
func TestEveryRecordIsValid(t *testing.T) {
	t.Parallel()
	for version, write := range appends {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			wrong := 0
			for seq, r := range corpus(t) {
				event, err := write(nil, uint64(seq), r)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range ocsf.Validate(version, event) {
					t.Errorf("%s %s: %s", r.Source, r.Type, p)
					wrong++
				}
				if wrong > 20 {
					t.Fatalf("… and more; the last is\n%s", event)
				}
			}
		})
	}
}

func ExampleAppend() {
	r := &audit.Record{Version: 1, ID: "activity_01", Normaliser: "compliance.activity/1", Source: audit.SourceComplianceActivity,
		Surface: audit.SurfaceChat, Activity: audit.ActivityView, Type: "claude_chat_viewed", Outcome: audit.OutcomeSuccess}
	b, err := ocsf.Append(nil, 1, r)
	fmt.Println(err, len(ocsf.Validate(ocsf.Version, b)))
	// Output: <nil> 0
}
