package capture_test

import (
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

func TestPolicyRefusesNonsense(t *testing.T) {
	_, err := capture.New(capture.Config{Rules: []capture.Rule{
		{Keep: "everything"}, {Keep: audit.ClassText, Source: []audit.Source{"otel.lgo"}, Plane: []audit.Plane{"astral"}, Surface: []audit.Surface{"claude_cod"}},
	}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"rules[0].keep", "otel.lgo", "astral", "claude_cod"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestLevel(t *testing.T) {
	p, err := capture.New(capture.Config{Rules: []capture.Rule{
		{Group: []string{"works-council"}, Keep: audit.ClassMetadata},
		{Surface: []audit.Surface{audit.SurfaceClaudeCode}, Credential: []string{"ci"}, Keep: audit.ClassText},
		{Plane: []audit.Plane{audit.PlaneNetwork}, Keep: audit.ClassMetadata},
		{Source: []audit.Source{audit.SourceComplianceChat}, Keep: audit.ClassDetail},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f := func(want audit.Class, credential string, r audit.Record) {
		t.Helper()
		if got := p.Level(&r, credential); got != want {
			t.Errorf("%s %s under %q: %s, want %s", r.Source, r.Surface, credential, got, want)
		}
	}
	asserted := audit.Account{Asserted: audit.Identity{Groups: []string{"x", "works-council"}}}
	proved := audit.Account{Proved: audit.Identity{Groups: []string{"works-council"}}}
	f(audit.ClassDetail, "", audit.Record{Source: audit.SourceOTelLog})
	f(audit.ClassMetadata, "ci", audit.Record{Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Account: asserted}) // the first rule decides
	f(audit.ClassMetadata, "ci", audit.Record{Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Account: proved})
	f(audit.ClassText, "ci", audit.Record{Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode})
	f(audit.ClassDetail, "ci", audit.Record{Source: audit.SourceOTelLog, Surface: audit.SurfaceCowork})
	f(audit.ClassMetadata, "", audit.Record{Source: audit.SourceGatewayLLM})
	f(audit.ClassMetadata, "", audit.Record{Source: audit.SourceComplianceActivity}) // the control plane's default
	f(audit.ClassDetail, "", audit.Record{Source: audit.SourceComplianceChat})
}
