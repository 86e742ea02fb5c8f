package policy_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/policy"
)

const streamRules = `
rules:
  - {id: key, title: Key, points: [response], detectors: [credential], effect: deny, message: No., severity: high, mode: enforce}
  - {id: two, title: Two, points: [response], when: "findings.exists(f, f.count > 1)", effect: flag, severity: high, mode: enforce}
  - {id: word, title: Word, points: [response], when: "text.has('forbidden') && !partial", effect: flag, severity: low, mode: enforce}
`

// TestStreamSaysWhatEvaluateSays cuts a text at every place.
func TestStreamSaysWhatEvaluateSays(t *testing.T) {
	t.Parallel()
	e := engine(t, streamRules)
	text := "Your key is " + secret + ", the other is " + secret[:16] + "Q7ZP; forbidden."
	ev := policy.Event{Point: policy.PointResponse, Text: text}
	want := matched(judge(t, e, ev))
	if !slices.Equal(want, []string{"key", "two", "word"}) {
		t.Fatalf("Evaluate matches %v", want)
	}
	for cut := range text {
		s := e.Stream(ev)
		first, news := s.Write([]byte(text[:cut]))
		if news != (len(first.Matches) > 0) {
			t.Fatalf("cut at %d: %t with %d matches", cut, news, len(first.Matches))
		}
		s.Write([]byte(text[cut:]))
		last, _ := s.Close()
		if got := matched(last); !slices.Equal(got, want) || last.Effect != policy.Deny {
			t.Fatalf("cut at %d: %v, want %v", cut, got, want)
		}
	}
}

// TestStreamTellsAtOnce: a credential is told when it is there, not when the text ends, and once.
func TestStreamTellsAtOnce(t *testing.T) {
	t.Parallel()
	s := engine(t, streamRules).Stream(policy.Event{Point: policy.PointResponse})
	told := 0
	for i, piece := range []string{"a ", secret[:7], secret[7:] + " ", "b ", "c "} {
		v, news := s.Write([]byte(piece))
		if news {
			told++
		}
		if i == 2 && (!news || v.Effect != policy.Deny || v.Matches[0].Findings[0].Start != 2) {
			t.Errorf("after the credential: %t %+v", news, v)
		}
	}
	if _, news := s.Close(); told != 1 || news {
		t.Errorf("told %d times, and at the end: %t", told, news)
	}
}

func TestStreamKeepsABoundedPart(t *testing.T) {
	t.Parallel()
	s := engine(t, streamRules).Stream(policy.Event{Point: policy.PointResponse})
	filler := []byte(strings.Repeat("nothing here ", 1000))
	s.Write([]byte("forbidden "))
	for range 100 {
		s.Write(filler)
	}
	s.Write([]byte(" " + secret))
	v, _ := s.Close()
	if got := matched(v); !slices.Equal(got, []string{"key"}) || !errors.Is(v.Failed, policy.ErrIncomplete) { // word asks for a text that is whole
		t.Errorf("%v, failed: %v", got, v.Failed)
	}
}

func TestScanEndsInTime(t *testing.T) {
	t.Parallel()
	cfg := config(t, strings.ReplaceAll(streamRules, "response", "prompt"))
	cfg.Budget = policy.Budget{PerMB: 1, Least: 1, Most: time.Nanosecond}
	e, err := policy.New(cfg, policy.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	v := judge(t, e, policy.Event{Point: policy.PointPrompt, Text: secret + strings.Repeat(" nothing", 1<<17)})
	if !errors.Is(v.Failed, policy.ErrIncomplete) || v.Effect != policy.Deny { // what was found still counts
		t.Errorf("%s %v", v.Effect, v.Failed)
	}
	if v := judge(t, e, policy.Event{Point: policy.PointPrompt, Text: secret}); v.Failed != nil || v.Effect != policy.Deny {
		t.Errorf("a short text is judged whatever the clock says: %s %v", v.Effect, v.Failed)
	}
}

// TestCacheAnswersForItsTextOnly: a digest a caller brings stands for one text, of one length, under one set of detectors.
func TestCacheAnswersForItsTextOnly(t *testing.T) {
	t.Parallel()
	cfg := config(t, strings.ReplaceAll(streamRules, "response", "prompt"))
	cfg.CacheSpans = 4
	e, err := policy.New(cfg, policy.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	f := func(want policy.Effect, text string, span byte) {
		t.Helper()
		if v := judge(t, e, policy.Event{Point: policy.PointPrompt, Text: text, Span: [32]byte{span}}); v.Effect != want {
			t.Errorf("%q: %s, want %s", text, v.Effect, want)
		}
	}
	other := strings.Repeat("-", len(secret))
	f(policy.Deny, secret, 1)
	f(policy.Deny, other, 1) // the same digest and length: the caller says it is the same text
	f(policy.Allow, other+"-", 1)
	f(policy.Allow, other, 2)
	f(policy.Allow, other, 0)
	f(policy.Deny, secret, 0)
	for i := range byte(20) {
		f(policy.Allow, other, 10+i) // push the first out
	}
	f(policy.Allow, other, 1)
}

// TestMarks: what one rule noted of a session, another reads; of another session or under another credential it is unknown.
func TestMarks(t *testing.T) {
	t.Parallel()
	e := engine(t, `
rules:
  - {id: mark, title: Mark, points: [tool_result], detectors: [credential], effect: flag, severity: low, marks: [seen]}
  - {id: read, title: Read, points: [tool_call], when: "'seen' in marks", effect: deny, message: No., severity: low, mode: enforce}
`)
	event := func(p policy.Point, session, credential, text string) policy.Event {
		return policy.Event{Point: p, Text: text, Keys: audit.Keys{Session: session}, Account: audit.Account{Proved: audit.Identity{Credential: credential}}}
	}
	f := func(want policy.Effect, session, credential string) {
		t.Helper()
		if v := judge(t, e, event(policy.PointToolCall, session, credential, "x")); v.Effect != want {
			t.Errorf("session %q of %q: %s, want %s", session, credential, v.Effect, want)
		}
	}
	f(policy.Allow, "s", "c")
	judge(t, e, event(policy.PointToolResult, "s", "c", secret))
	judge(t, e, event(policy.PointToolResult, "", "c", secret))
	f(policy.Deny, "s", "c")
	f(policy.Allow, "s", "d")
	f(policy.Allow, "t", "c")
	f(policy.Allow, "", "c")
}

func TestConditionsAskAboutABoundedText(t *testing.T) {
	t.Parallel()
	e := engine(t, "rules: [{id: word, title: W, points: [prompt], when: 'text.has(\"forbidden\")', effect: deny, message: No., severity: low, mode: enforce}]")
	for _, text := range []string{"forbidden " + strings.Repeat(" nothing", 1<<19), strings.Repeat("nothing ", 1<<19) + "forbidden"} {
		v := judge(t, e, policy.Event{Point: policy.PointPrompt, Text: text})
		if !errors.Is(v.Failed, policy.ErrIncomplete) || (v.Effect == policy.Deny) != (text[0] == 'f') {
			t.Errorf("%s %v", v.Effect, v.Failed)
		}
	}
}

// TestOneSetJudgesAnEvent: while rules are loaded, each verdict is whole of one set.
func TestOneSetJudgesAnEvent(t *testing.T) {
	t.Parallel()
	sets := []policy.Config{config(t, one("tools: [Bash]")), config(t, one("tools: [Bash]", "owner: x"))}
	e, err := policy.New(sets[0], policy.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]bool{e.Version(): true}
	if err := e.Reload(sets[1]); err != nil {
		t.Fatal(err)
	}
	versions[e.Version()] = true
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				if v := judge(t, e, call("Bash", `{}`)); !versions[v.RuleSet] || v.Effect != policy.Deny {
					t.Errorf("%+v", v)
				}
			}
		})
	}
	for i := range 4 {
		if err := e.Reload(sets[i%2]); err != nil {
			t.Error(err)
		}
	}
	group.Wait()
	if len(versions) != 2 {
		t.Error("the sets have one version")
	}
}

// TestStreamTellsOfAnotherRule: a rule that matches in the place of one that does no more is news, though they are as many.
func TestStreamTellsOfAnotherRule(t *testing.T) {
	t.Parallel()
	e := engine(t, `
rules:
  - {id: one, title: One, points: [response], detectors: [personal.email], when: "findings.exists(f, f.count < 2)", effect: flag, severity: low, mode: enforce}
  - {id: many, title: Many, points: [response], detectors: [personal.email], min: 2, effect: deny, message: No., severity: low, mode: enforce}
`)
	s := e.Stream(policy.Event{Point: policy.PointResponse})
	var effects []policy.Effect
	note := func(v policy.Verdict, is bool) {
		if is {
			effects = append(effects, v.Effect)
		}
	}
	for _, text := range []string{"dana@corp.io and ", "kim@corp.io and ", "lee@corp.io and nobody else."} {
		note(s.Write([]byte(text)))
	}
	note(s.Close())
	if want := []policy.Effect{policy.Flag, policy.Deny}; !slices.Equal(effects, want) {
		t.Errorf("told %q, want %q", effects, want)
	}
}
