package ocsf_test

import (
	"bytes"
	"testing"

	"github.com/tripod-audit/tripod/internal/forward/ocsf"
)

// TestFindings holds that findings and checkpoints are valid in every version and state, and equal ones equal events.
func TestFindings(t *testing.T) {
	t.Parallel()
	check := func(version string, write func() ([]byte, error)) {
		t.Helper()
		a, err := write()
		if err != nil {
			t.Fatal(err)
		}
		b, _ := write()
		if !bytes.Equal(a, b) {
			t.Errorf("two events of one thing:\n%s\n%s", a, b)
		}
		for _, p := range ocsf.Validate(version, a) {
			t.Errorf("%s: %s\n%s", version, p, a)
		}
	}
	for _, version := range ocsf.Versions() {
		for _, state := range []string{"", "open", "acknowledged", "resolved", "excepted"} {
			f := ocsf.Finding{ID: "f1", State: state, Rule: "sso-off", Version: "2", Title: "Single sign-on switched off", Severity: "high", Sentence: "dana@ …",
				Org: "0f0e", Account: "dana@example.com", Time: at, First: at, Last: at, Count: 3, Seqs: []uint64{1, 2, 1 << 60},
				Group: map[string]string{"org": "0f0e", "a \"b\"": "c"}, Fields: map[string]string{"type": "org_sso_toggled"}, Threshold: "1", Link: "https://tripod.example/alerts/f1"}
			check(version, func() ([]byte, error) { return ocsf.AppendFinding(nil, version, &f) })
		}
		check(version, func() ([]byte, error) { return ocsf.AppendFinding(nil, version, &ocsf.Finding{}) })
		check(version, func() ([]byte, error) {
			return ocsf.AppendCheckpoint(nil, version, &ocsf.Checkpoint{Origin: "tripod.example/ledger", Size: 7, Time: at, Note: "tripod.example/ledger\n7\n…\n"})
		})
	}
	if _, err := ocsf.AppendFinding(nil, "0.1", &ocsf.Finding{}); err == nil {
		t.Error("an unknown version is written")
	}
	if _, err := ocsf.AppendCheckpoint(nil, "0.1", &ocsf.Checkpoint{}); err == nil {
		t.Error("an unknown version is written")
	}
}
