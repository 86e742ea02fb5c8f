package world_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// thread is what acts one after the other: the main thread of a prompt, or a sub-agent.
type thread struct{ prompt, agent string }

// story is what is known of one process so far.
type story struct {
	t        *testing.T
	prompts  map[string]world.Act
	requests map[string]world.Act
	tools    map[string]world.Act
	agents   map[string]world.Act // by id of the agent: the act of its return
	free     map[thread]time.Time // when the thread can go on
	last     world.Act
}

// checkProcess holds the acts of one process, in order, to what can happen at all.
func checkProcess(t *testing.T, acts []world.Act) {
	t.Helper()
	s := story{t, map[string]world.Act{}, map[string]world.Act{}, map[string]world.Act{}, map[string]world.Act{}, map[thread]time.Time{}, world.Act{}}
	if acts[0].Kind != world.Start || !acts[0].At.Equal(acts[0].Process.Start) {
		t.Errorf("%s: the process begins with %s", acts[0].ID, acts[0].Kind)
	}
	for _, a := range acts {
		if s.last.Kind == world.Stop {
			t.Errorf("%s after the end of the process", a.ID)
		}
		s.check(a)
		s.last = a
	}
	// Whatever a sub-agent does lies between its call and its return.
	for _, a := range acts {
		if a.Keys.Agent == "" {
			continue
		}
		back, ok := s.agents[a.Keys.Agent]
		call := s.tools[back.Keys.ToolUse]
		if !ok || a.At.Before(call.At) || a.At.After(back.At) || a.Keys.ParentAgent != back.Keys.ParentAgent {
			t.Errorf("%s of sub-agent %s lies outside its run", a.ID, a.Keys.Agent)
		}
		if !back.Agent.Async && back.At.After(call.At.Add(call.Tool.Duration)) {
			t.Errorf("%s: the call was over before the sub-agent came back", back.ID)
		}
	}
}

func (s *story) check(a world.Act) {
	t := s.t
	if a.Keys.Prompt != "" && a.Kind != world.Prompt {
		if p, ok := s.prompts[a.Keys.Prompt]; !ok || p.At.After(a.At) {
			t.Errorf("%s %s comes before its prompt", a.ID, a.Kind)
		}
	}
	th := thread{a.Keys.Prompt, a.Keys.Agent}
	switch a.Kind {
	case world.Prompt:
		s.prompts[a.Keys.Prompt] = a
	case world.Request:
		if begun := a.At.Add(-a.Request.Duration); begun.Before(s.free[th]) {
			t.Errorf("%s begins %s before the tools of the one before are done", a.ID, s.free[th].Sub(begun))
		}
		if c := a.Request.Consumed; c != "" && s.tools[c].ID == "" {
			t.Errorf("%s consumes %s, which never was", a.ID, c)
		}
		s.requests[a.Keys.Request] = a
		s.free[th] = a.At
	case world.ToolCall:
		r, ok := s.requests[a.Keys.Request]
		if !ok || !r.At.Before(a.At) || !slices.Contains(r.Request.ToolUses, a.Keys.ToolUse) || r.Keys.Message != a.Keys.Message {
			t.Errorf("%s: no request before it asked for the call", a.ID)
		}
		s.tools[a.Keys.ToolUse] = a
		if end := a.At.Add(a.Tool.Duration); end.After(s.free[th]) {
			s.free[th] = end
		}
		if !a.Tool.Accepted && (a.Tool.Success || a.Tool.Duration != 0) {
			t.Errorf("%s was refused and carried out", a.ID)
		}
	case world.Agent:
		s.agents[a.Keys.Agent] = a
		if call := s.tools[a.Keys.ToolUse]; call.Tool == nil || call.Tool.Agent != a.Agent.Type {
			t.Errorf("%s: no call sent the sub-agent", a.ID)
		}
	}
}

func TestCausality(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		w := world.New(world.Options{Seed: seed})
		processes, lines := map[string][]world.Act{}, map[string][]world.Act{}
		for _, a := range w.Between(weekStart.AddDate(0, 0, -1), weekStart.AddDate(0, 0, 8)) {
			if p := a.Process; p != nil && !p.Start.Before(weekStart) && p.Start.Before(weekStart.AddDate(0, 0, 7)) {
				processes[p.ID] = append(processes[p.ID], a)
				lines[a.ID[:16]] = append(lines[a.ID[:16]], a)
			}
		}
		for _, acts := range processes {
			checkProcess(t, acts)
		}
		for line, acts := range lines { // what begins on a day is looked for in this many hours and the next day only
			if took := acts[len(acts)-1].At.Sub(acts[0].At); took > 8*time.Hour {
				t.Errorf("seed %d: %s takes %s", seed, line, took)
			}
		}
	}
}

// TestVariety: a week has everything that what reads it must cope with.
func TestVariety(t *testing.T) {
	t.Parallel()
	has := map[string]int{}
	w := world.New(world.Options{Seed: 1})
	sessions := map[string]map[string]bool{}
	for _, a := range weekOf(w, weekStart) {
		has[string(a.Kind)]++
		has["surface "+string(a.Surface)]++
		if p := a.Process; p != nil {
			has["version "+p.Client.Version]++
			has["protocol "+p.Client.Protocol]++
			has["begin "+p.Begin]++
			if sessions[p.ID] == nil {
				sessions[p.ID] = map[string]bool{}
			}
			sessions[p.ID][a.Keys.Session] = true
		}
		switch {
		case a.Tool != nil:
			has["by "+a.Tool.By]++
			has["error "+a.Tool.ErrType]++
			has["tool "+a.Tool.Name]++
		case a.Request != nil && a.Request.Status == 529:
			has["overloaded"]++
		case a.Request != nil && a.Request.Attempt > 1:
			has["retried"]++
		case a.Prompt != nil && a.Prompt.Automatic:
			has["automatic"]++
		case a.Agent != nil && !a.Agent.Async:
			has["waited for"]++
		}
	}
	for _, s := range sessions {
		if len(s) > 1 {
			has["cleared"]++
		}
	}
	for _, want := range []string{
		"start", "stop", "connection", "prompt", "request", "tool_call", "agent", "hook", "mode", "skill", "compaction", "login", "plugin", "change",
		"surface chat", "surface console", "surface cowork", "surface cowork_remote", "surface claude_code", "surface api",
		"version 1.0.128", "version 2.0.77", "version 2.1.100", "version 2.1.187", "version 2.1.197", "version 2.1.214", "version 2.1.240", "version 2.1.294", "version 2.1.330",
		"protocol grpc", "protocol http/protobuf", "protocol http/json", "begin fresh", "begin resume",
		"by config", "by hook", "by user_permanent", "by user_temporary", "by user_reject", "error ShellError", "tool Task", "tool Agent",
		"overloaded", "retried", "automatic", "waited for", "cleared",
	} {
		if has[want] == 0 {
			t.Errorf("a week has no %s", want)
		}
	}
	if n := has["by user_reject"] + has["by user_abort"]; n > 15 {
		t.Errorf("%d calls refused by people: what an incident shows is blurred", n)
	}
}

// TestWitnesses: no source is both heard and missed, nothing is missed without an incident, and telemetry comes from clients.
func TestWitnesses(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 2})
	for _, a := range weekOf(w, weekStart) {
		for _, s := range a.Missed {
			if slices.Contains(a.Seen, s) || a.Incident == "" {
				t.Errorf("%s: %s is missed; seen %v, incident %q", a.ID, s, a.Seen, a.Incident)
			}
		}
		if a.Process == nil && slices.Contains(a.Seen, audit.SourceOTelLog) {
			t.Errorf("%s: a log without a client", a.ID)
		}
		traced := a.Process != nil && slices.Contains(append(a.Seen, a.Missed...), audit.SourceOTelSpan)
		if traced != (a.Keys.Trace != "" && a.Keys.Span != "") {
			t.Errorf("%s: seen %v, trace %q, span %q", a.ID, a.Seen, a.Keys.Trace, a.Keys.Span)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	const uuid = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`
	const base58 = `[1-9A-HJ-NP-Za-km-z]`
	forms := map[string]*regexp.Regexp{}
	for name, form := range map[string]string{
		"act": `act_[0-9a-f]{12}_\d{5}`, "process": `proc_[0-9a-f]{16}`, "session": uuid, "prompt": uuid, "message": uuid, "client request": uuid,
		"request": `req_011` + base58 + `{21}`, "tool use": `toolu_01` + base58 + `{22}`, "agent": `a[0-9a-f]{16}`, "trace": `[0-9a-f]{32}`,
		"span": `[0-9a-f]{16}`, "user": `user_01` + base58 + `{22}`, "account": uuid, "device": `[0-9a-f]{64}`, "chat": `claude_chat_01` + base58 + `{22}`,
		"project": `claude_proj_01` + base58 + `{22}`, "key": `(apikey_01` + base58 + `{22})?`,
	} {
		forms[name] = regexp.MustCompile(`^` + form + `$`)
	}
	owner := map[string]string{} // of an id: what it may belong to alone
	check := func(name, id, of string) {
		if id == "" {
			return
		}
		if !forms[name].MatchString(id) {
			t.Errorf("%s %q is not well formed", name, id)
		}
		if was, ok := owner[name+id]; ok && was != of {
			t.Errorf("%s %s belongs to %s and to %s", name, id, was, of)
		}
		owner[name+id] = of
	}
	w := world.New(world.Options{Seed: 1})
	for _, a := range w.Accounts {
		check("user", a.User, a.Email)
		check("account", a.UUID, a.Email)
		check("key", a.Key, a.Email)
	}
	for _, d := range w.Devices {
		check("device", d.ID, d.Name)
	}
	for _, a := range weekOf(w, weekStart) {
		if _, ok := owner["act"+a.ID]; ok {
			t.Errorf("two acts %s", a.ID)
		}
		check("act", a.ID, a.ID)
		k := a.Keys
		check("chat", k.Chat, a.Account.Email)
		check("project", k.Project, k.Project)
		if a.Process == nil {
			continue
		}
		check("process", a.Process.ID, a.Account.Email)
		check("session", k.Session, a.Account.Email)
		check("prompt", k.Prompt, k.Session)
		check("trace", k.Trace, k.Prompt)
		check("request", k.Request, k.Prompt)
		check("client request", k.ClientRequest, a.ID)
		check("tool use", k.ToolUse, k.Prompt)
		check("agent", k.Agent, k.Prompt)
		check("message", k.Message, k.Prompt)
		check("span", k.Span, a.ID)
		if k.Session == "" || a.Kind == world.Request && k.Request == "" || a.Kind == world.ToolCall && k.ToolUse == "" {
			t.Errorf("%s %s lacks keys: %+v", a.ID, a.Kind, k)
		}
	}
}

// TestJoinersAndLeavers: every week somebody joins and somebody leaves, and nobody acts who is not there.
func TestJoinersAndLeavers(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 5})
	from := weekStart.AddDate(0, 0, -35)
	joined, left := 0, 0
	for _, a := range w.Between(from, weekStart.AddDate(0, 0, 7)) {
		if who := a.Account; !who.Joined.IsZero() && a.At.Before(who.Joined) || !who.Left.IsZero() && a.At.After(who.Left) {
			t.Errorf("%s: %s acts at %s, joined %s, left %s", a.ID, who.Email, a.At, who.Joined, who.Left)
		}
		if a.Control != nil && a.Control.Type == "scim_user_created" {
			joined++
		} else if a.Control != nil && a.Control.Type == "scim_user_deleted" {
			left++
		}
	}
	if joined != 6 || left != 6 {
		t.Errorf("%d joined and %d left in six weeks", joined, left)
	}
}
