package world_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// TestOnceInAnySevenDays sweeps windows of seven days: each holds each incident whole, and once.
func TestOnceInAnySevenDays(t *testing.T) {
	t.Parallel()
	for seed, start := range []time.Time{weekStart, time.Date(2026, 3, 23, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 19, 0, 0, 0, 0, time.UTC)} {
		w := world.New(world.Options{Seed: uint64(seed)})
		var acts []world.Act
		for _, a := range w.Between(start, start.AddDate(0, 0, 14)) {
			if a.Incident != "" {
				acts = append(acts, a)
			}
		}
		for from := start; !from.After(start.AddDate(0, 0, 7)); from = from.Add(6 * time.Hour) {
			to := from.AddDate(0, 0, 7)
			found := map[world.Incident]int{}
			for _, a := range acts {
				if a.At.Before(from) || !a.At.Before(to) {
					continue
				}
				found[a.Incident]++
				if begin, end := w.When(a.Incident, from); a.At.Before(begin) || !a.At.Before(end) || !end.Before(to) && !end.Equal(to) {
					t.Errorf("seed %d, from %s: %s at %s is outside %s to %s", seed, from, a.Incident, a.At, begin, end)
				}
			}
			for _, i := range world.Incidents() {
				if found[i] == 0 {
					t.Errorf("seed %d, from %s: no %s", seed, from, i)
				}
			}
		}
	}
}

// TestWithout: an incident that is switched off is gone, and no other act differs by a byte.
func TestWithout(t *testing.T) {
	t.Parallel()
	full := world.New(world.Options{Seed: 1}).Between(weekStart.Add(-time.Hour), weekStart.AddDate(0, 0, 7).Add(time.Hour))
	adds := []world.Incident{world.Silenced, world.LostBatches, world.WipedLaptop, world.MismatchedIdentity, world.ToolChanged}
	for _, i := range world.Incidents() {
		w := world.New(world.Options{Seed: 1, Without: []world.Incident{i}})
		left := map[string]world.Act{}
		day, _ := w.When(i, weekStart)
		day = day.Truncate(24 * time.Hour)
		for _, a := range w.Between(day.Add(-time.Hour), day.Add(25*time.Hour)) {
			left[a.ID] = a
			if a.Incident == i {
				t.Errorf("without %s: %s is there", i, a.ID)
			}
		}
		gone := 0
		for _, a := range full {
			if a.At.Before(day.Add(-time.Hour)) || !a.At.Before(day.Add(25*time.Hour)) {
				continue
			}
			b, ok := left[a.ID]
			delete(left, a.ID)
			switch {
			case a.Incident == i && slices.Contains(adds, i):
				if !ok || len(b.Missed) > 0 || b.Keys != a.Keys {
					t.Errorf("without %s: %s does not happen as on a normal day", i, a.ID)
				}
				gone++
			case a.Incident == i:
				if ok {
					t.Errorf("without %s: %s happens all the same", i, a.ID)
				}
				gone++
			case !ok || encode(t, flatten(a)) != encode(t, flatten(b)):
				t.Errorf("without %s: %s %s at %s changed", i, a.ID, a.Kind, a.At)
			}
		}
		if gone == 0 {
			t.Errorf("%s had no acts", i)
		}
		for id, a := range left { // the laptop that is not wiped goes on to its end
			if i != world.WipedLaptop || a.Kind != world.Stop && a.Kind != world.Connection {
				t.Errorf("without %s: %s %s is new", i, id, a.Kind)
			}
		}
	}
}

func TestWhen(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 1})
	if len(world.Incidents()) != 13 {
		t.Errorf("incidents: %v", world.Incidents())
	}
	for _, i := range world.Incidents() {
		from, to := w.When(i, weekStart)
		again, _ := w.When(i, from)
		next, _ := w.When(i, from.Add(time.Nanosecond))
		if from.Before(weekStart) || !from.Before(weekStart.AddDate(0, 0, 7)) || !from.Before(to) || !again.Equal(from) || !next.Equal(from.AddDate(0, 0, 7)) {
			t.Errorf("%s: %s to %s, again %s, next %s", i, from, to, again, next)
		}
		if w.Whose(i, from) == nil {
			t.Errorf("%s happens to nobody", i)
		}
	}
	if from, _ := w.When("unheard of", weekStart); !from.IsZero() {
		t.Error("an unknown incident has a time")
	}
}

// during is what an account's acts of an incident are.
func during(w *world.World, i world.Incident) []world.Act {
	from, to := w.When(i, weekStart)
	var acts []world.Act
	for _, a := range w.Between(from, to) {
		if a.Incident == i {
			acts = append(acts, a)
		}
	}
	return acts
}

// TestWithheldTool: what gareth@'s model asked for on Thursday morning and his client never saw.
func TestWithheldTool(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 1})
	withheld, pasted := 0, 0
	acts := during(w, world.WithheldTool)
	for _, a := range acts {
		if a.Account.Email != "gareth@nordwald.example" || !a.Device.Gateway {
			t.Errorf("%s happens to %s, through the gateway: %v", a.ID, a.Account.Email, a.Device.Gateway)
		}
		if a.Kind == world.Prompt && strings.Contains(a.Prompt.Text, "AKIA") {
			pasted++
		}
		if a.Kind != world.Request || a.Request.Withheld == nil {
			continue
		}
		withheld++
		if r := a.Request; !strings.HasSuffix(r.Text, r.Withheld.Says) || len(r.ToolUses) > 0 || r.Stop != "end_turn" {
			t.Errorf("%s: the client is told %+v", a.ID, r)
		}
		for _, b := range acts {
			if b.Keys.ToolUse == a.Request.Withheld.ToolUse {
				t.Errorf("%s: a call that was withheld is %s", b.ID, b.Kind)
			}
		}
	}
	if withheld != 1 || pasted != 1 {
		t.Errorf("%d calls withheld, %d keys pasted; want one each", withheld, pasted)
	}
}

// TestDeniedTool: what dana@ did on Tuesday night, and which call was denied and why.
func TestDeniedTool(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		w := world.New(world.Options{Seed: seed})
		evening := weekStart.AddDate(0, 0, 1).Add(20 * time.Hour)
		prompts, denied := 0, 0
		var text strings.Builder
		for _, a := range w.Between(evening, evening.Add(4*time.Hour)) {
			if a.Account.Email != "dana@nordwald.example" || a.Process == nil {
				continue
			}
			switch {
			case a.Kind == world.Prompt:
				prompts++
			case a.Kind == world.Hook && a.Hook.Blocking > 0:
				text.WriteString("hook " + a.Hook.Event + "; ")
			case a.Kind == world.ToolCall && !a.Tool.Accepted:
				denied++
				text.WriteString(a.Tool.By + ": " + a.Tool.Input + ": " + a.Tool.Output)
			}
		}
		for _, want := range []string{"hook PreToolUse", "hook: ", "curl", "patient rows must not leave", "NW-EGRESS-03"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("seed %d: the refusal does not say %q: %s", seed, want, text.String())
			}
		}
		if prompts != 6 || denied != 1 {
			t.Errorf("seed %d: %d prompts, %d denied", seed, prompts, denied)
		}
	}
}

// TestSilenced: within one process the log stops and comes back, while spans go on.
func TestSilenced(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		w := world.New(world.Options{Seed: seed})
		day := weekStart.AddDate(0, 0, 1)
		from, to := w.When(world.Silenced, weekStart)
		var before, hole, spans, after int
		processes := map[*world.Process]bool{}
		for _, a := range w.Between(day.Add(7*time.Hour), day.Add(12*time.Hour)) {
			if a.Account != w.Whose(world.Silenced, weekStart) || a.Process == nil {
				continue
			}
			processes[a.Process] = true
			log := slices.Contains(a.Seen, audit.SourceOTelLog)
			switch {
			case a.At.Before(from) && log:
				before++
			case !a.At.Before(to) && log:
				after++
			case log:
				t.Errorf("seed %d: %s is logged from a silenced laptop", seed, a.ID)
			case slices.Contains(a.Missed, audit.SourceOTelLog):
				hole++
				if slices.Contains(a.Seen, audit.SourceOTelSpan) {
					spans++
				}
			}
		}
		if len(processes) != 1 || before < 10 || hole < 10 || spans < 8 || after < 10 {
			t.Errorf("seed %d: %d processes, %d acts before, %d in the hole (%d with spans), %d after", seed, len(processes), before, hole, spans, after)
		}
	}
}

// TestWipedLaptop: the process has no end, its last minutes are missed, and the device never comes back.
func TestWipedLaptop(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 1})
	who := w.Whose(world.WipedLaptop, weekStart)
	dev := who.Devices[0]
	var last world.Act
	missed := 0
	from, to := w.When(world.WipedLaptop, weekStart)
	for _, a := range w.Between(from.Add(-time.Hour), weekStart.AddDate(0, 0, 28)) {
		if a.Device == dev {
			last = a
			if len(a.Missed) > 0 {
				missed++
			}
		}
	}
	if last.Kind == world.Stop || last.At.After(to) || missed == 0 || !slices.Contains(last.Missed, audit.SourceOTelLog) {
		t.Errorf("%s ends with %s %s at %s, %d missed", dev.Name, last.ID, last.Kind, last.At, missed)
	}
}

func TestOtherIncidents(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 1})
	count := func(i world.Incident, fits func(world.Act) bool) (n int) {
		for _, a := range during(w, i) {
			if fits(a) {
				n++
			}
		}
		return n
	}
	f := func(i world.Incident, want int, what string, fits func(world.Act) bool) {
		if n := count(i, fits); n < want {
			t.Errorf("%s: %d acts with %s, want %d", i, n, what, want)
		}
	}
	change := func(kind string) func(world.Act) bool {
		return func(a world.Act) bool { return a.Control != nil && a.Control.Type == kind }
	}
	f(world.Injection, 1, "orders in a result", func(a world.Act) bool { return a.Tool != nil && strings.Contains(a.Tool.Output, "AI assistants") })
	f(world.Injection, 1, "an outbound call that nobody was asked about", func(a world.Act) bool {
		return a.Tool != nil && a.Tool.MCPTool == "post_message" && a.Tool.Accepted && a.Tool.By == "user_permanent"
	})
	f(world.Injection, 1, "a request that consumed the result", func(a world.Act) bool { return a.Request != nil && a.Request.Consumed != "" })
	f(world.MismatchedIdentity, 20, "another's name", func(a world.Act) bool { return a.Process.Claims != a.Process.Account })
	f(world.ToolChanged, 1, "a changed tool", func(a world.Act) bool {
		return a.Connection != nil && slices.Contains(a.Connection.Changed, "replay_message")
	})
	f(world.LostBatches, 8, "a missed log", func(a world.Act) bool { return slices.Contains(a.Missed, audit.SourceOTelLog) })
	f(world.KeyElsewhere, 12, "a key on an unknown device", func(a world.Act) bool {
		return a.Account.Key != "" && w.Device(a.Device.Name) == nil && slices.Contains(a.Seen, audit.SourceGatewayLLM)
	})
	f(world.BulkInvite, 20, "an invitation", change("org_user_invite_sent"))
	f(world.SSOOff, 2, "single sign-on toggled", change("org_sso_toggled"))
	f(world.ExportOffHours, 1, "an export", change("org_data_export_started"))
	f(world.RoleEscalation, 1, "a new owner", func(a world.Act) bool {
		return a.Control.Type == "claude_user_role_updated" && a.Control.New == "owner"
	})
}
