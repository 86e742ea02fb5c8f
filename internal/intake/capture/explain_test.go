package capture_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// TestOutOfTheBox holds what is kept where nobody chose anything: detail of agent and network sources, metadata of the
// control plane, and text of nothing.
func TestOutOfTheBox(t *testing.T) {
	t.Parallel()
	p, err := capture.New(capture.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range audit.Sources() {
		want := audit.ClassDetail
		if s.Plane() == audit.PlaneControl {
			want = audit.ClassMetadata
		}
		for _, surface := range audit.Surfaces() {
			if got := p.Level(&audit.Record{Source: s, Surface: surface}, "anything"); got != want {
				t.Errorf("%s of %s: %s, want %s", s, surface, got, want)
			}
		}
		if e := (capture.Config{}).Explain(capture.Asked{Source: s}); e.Keep != want || e.Rule != 0 || e.Unless != nil {
			t.Errorf("%s: %+v", s, e)
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	c := capture.Config{Rules: []capture.Rule{
		{Group: []string{"council", "legal"}, Keep: audit.ClassMetadata},
		{Surface: []audit.Surface{audit.SurfaceClaudeCode}, Credential: []string{"ci"}, Keep: audit.ClassText},
		{Plane: []audit.Plane{audit.PlaneNetwork}, Keep: audit.ClassMetadata},
	}}
	council := capture.Unless{Rule: 1, Keep: audit.ClassMetadata, If: "its records carry the group council or legal"}
	for _, k := range []struct {
		name string
		a    capture.Asked
		keep audit.Class
		rule int
		want []capture.Unless
	}{
		{"nothing known", capture.Asked{Source: audit.SourceOTelLog}, audit.ClassDetail, 0,
			[]capture.Unless{council, {Rule: 2, Keep: audit.ClassText, If: "the surface is claude_code, and the credential that delivers is ci"}}},
		{"all known", capture.Asked{Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Credential: "ci", Groups: []string{}}, audit.ClassText, 2, nil},
		{"carried", capture.Asked{Source: audit.SourceOTelLog, Groups: []string{"legal"}}, audit.ClassMetadata, 1, nil},
		{"in the directory", capture.Asked{Source: audit.SourceGatewayLLM, Directory: []string{"council"}}, audit.ClassMetadata, 3,
			[]capture.Unless{{Rule: 1, Keep: audit.ClassMetadata, If: council.If + ", in which the directory lists it"}, {Rule: 2, Keep: audit.ClassText, If: "the surface is claude_code, and the credential that delivers is ci"}}},
		{"no groups there", capture.Asked{Source: audit.SourceComplianceChat, Directory: []string{"council"}, Credential: "x"}, audit.ClassMetadata, 0, nil},
	} {
		e := c.Explain(k.a)
		if diff := cmp.Diff(k.want, e.Unless); diff != "" || e.Keep != k.keep || e.Rule != k.rule || e.Why == "" {
			t.Errorf("%s: %+v (-want +got):\n%s", k.name, e, diff)
		}
	}
}

// TestExplainAgrees: where everything is known, the explanation is what the policy does.
func TestExplainAgrees(t *testing.T) {
	t.Parallel()
	groups := [][]string{nil, {"council"}, {"x", "legal"}}
	rules := []capture.Rule{
		{Group: []string{"council"}, Keep: audit.ClassMetadata}, {Source: []audit.Source{audit.SourceGatewayLLM}, Keep: audit.ClassText},
		{Surface: []audit.Surface{audit.SurfaceChat}, Keep: audit.ClassText}, {Credential: []string{"ci"}, Group: []string{"legal"}, Keep: audit.ClassText},
		{Plane: []audit.Plane{audit.PlaneAgent}, Credential: []string{"ci"}, Keep: audit.ClassMetadata},
	}
	for shift := range rules {
		c := capture.Config{Rules: append(slices.Clone(rules[shift:]), rules[:shift]...)}
		p, err := capture.New(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range audit.Sources() {
			for _, surface := range audit.Surfaces() {
				for _, credential := range []string{"ci", "laptops"} {
					for _, g := range groups {
						if s.Plane() == audit.PlaneControl && g != nil {
							continue
						}
						r := &audit.Record{Source: s, Surface: surface, Account: audit.Account{Proved: audit.Identity{Groups: g}}}
						e := c.Explain(capture.Asked{Source: s, Surface: surface, Credential: credential, Groups: append([]string{}, g...)})
						if got := p.Level(r, credential); got != e.Keep || len(e.Unless) > 0 {
							t.Fatalf("%s %s %s %v: %s, explained as %+v", s, surface, credential, g, got, e)
						}
					}
				}
			}
		}
	}
}
