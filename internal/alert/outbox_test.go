package alert

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/forward"
)

// TestGrouping holds that firings of one rule and group within the window are one alert, told once, and again where it grows worse.
func TestGrouping(t *testing.T) {
	t.Parallel()
	pager := &heardBy{traits: Traits{States: true}}
	s := newSpine(t, config("pager"), map[string]Channel{"pager": pager})
	s.fire(1, Medium, "dana", day)
	s.fire(2, Medium, "dana", day.Add(10*time.Minute))
	s.fire(3, Medium, "kofi", day.Add(11*time.Minute))
	s.fire(4, High, "dana", day.Add(20*time.Minute))
	s.fire(5, Low, "dana", day.Add(59*time.Minute))
	s.fire(6, Medium, "dana", day.Add(60*time.Minute)) // the window is over
	wantEvents(t, pager, "opened medium 1", "opened medium 1", "escalated high 3", "opened medium 1")
	list := s.alerts()
	if len(list) != 3 || list[0].Count != 1 || list[1].Count != 4 || list[1].Severity != High || list[1].LastSeq != 5 {
		t.Errorf("alerts: %+v", list)
	}
	if got := pager.got[0].Alert.Firing; got == nil || got.Sentence != "dana's account turned SSO off" {
		t.Errorf("the message has no sentence: %+v", got)
	}
}

// TestNothingTwice holds that neither a restart nor a rebuild of detections tells again, and a lost alerts.db of what is open alone.
func TestNothingTwice(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pager := &heardBy{traits: Traits{States: true}}
	s := newSpine(t, config("pager"), map[string]Channel{"pager": pager})
	s.fire(1, High, "dana", day)
	s.fire(2, High, "kofi", day.Add(time.Second))
	s.fire(3, High, "ines", day.Add(2*time.Second))
	list := s.alerts()
	ids := map[string]string{}
	for _, a := range list {
		ids[a.Firing.Group["account"]] = a.ID
	}
	_, err := s.outbox.Resolve(ctx, ana, ids["kofi"], 0, "a drill")
	must(t, err)
	_, err = s.outbox.Acknowledge(ctx, ana, ids["ines"], 0, "")
	must(t, err)
	s.round()
	wantEvents(t, pager, "opened high 1", "opened high 1", "opened high 1", "resolved high 1", "acknowledged high 1")
	s.reopen()
	s.round()
	s.round()
	if got := len(pager.events()); got != 5 {
		t.Errorf("a restart told %d more", got-5)
	}
	must(t, s.outbox.Close())
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(Path(s.dir) + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	s.fold()
	s.open()
	s.round()
	wantEvents(t, pager, "opened high 1", "opened high 1", "opened high 1", "resolved high 1", "acknowledged high 1", "opened high 1")
	if again := pager.got[5]; again.Alert.ID != ids["dana"] || again.ID != pager.got[0].ID {
		t.Errorf("told of %s as %s, want %s as %s", again.Alert.ID, again.ID, ids["dana"], pager.got[0].ID)
	}
	for _, a := range s.alerts() {
		if a.ID != ids[a.Firing.Group["account"]] {
			t.Errorf("the alert of %s has another id", a.Firing.Group["account"])
		}
	}
}

// TestHistoryWakesNobody holds that what was recorded long before it is first seen stands in the list alone.
func TestHistoryWakesNobody(t *testing.T) {
	t.Parallel()
	pager := &heardBy{}
	s := newSpine(t, config("pager"), map[string]Channel{"pager": pager})
	s.fire(1, Critical, "dana", day.Add(-2*MaxLate))
	wantEvents(t, pager)
	if list := s.alerts(); len(list) != 1 || list[0].State != Open {
		t.Errorf("alerts: %+v", list)
	}
	s.fire(2, Critical, "kofi", day.Add(-400*24*time.Hour))
	if list := s.alerts(); len(list) != 2 || list[1].State != Quiet {
		t.Errorf("alerts: %+v", list)
	}
}

// TestReopen holds that a later firing opens an alert again, and one that was not seen keeps it open.
func TestReopen(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pager := &heardBy{traits: Traits{States: true}}
	s := newSpine(t, config("pager"), map[string]Channel{"pager": pager})
	s.fire(1, High, "dana", day)
	id := s.alerts()[0].ID
	_, err := s.outbox.Resolve(ctx, ana, id, 0, "a drill")
	must(t, err)
	s.round()
	s.fire(5, High, "dana", day.Add(time.Minute))
	a := s.alerts()[0]
	if a.State != Open || !a.Reopened || a.Count != 2 {
		t.Errorf("alert: %+v", a)
	}
	wantEvents(t, pager, "opened high 1", "resolved high 1", "opened high 2")
	if _, err := s.outbox.Resolve(ctx, ana, id, 1, "what I saw"); !errors.Is(err, ErrState) {
		t.Errorf("resolving what was resolved: %v", err)
	}
	s.fire(6, High, "dana", day.Add(2*time.Minute))
	_, err = s.outbox.Resolve(ctx, ana, id, 5, "what I saw")
	must(t, err)
	if a := s.alerts()[0]; a.State != Open {
		t.Errorf("a firing that nobody saw was resolved: %+v", a)
	}
}

// TestException holds what an exception covers, and that its end opens what fires then.
func TestException(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	pager := &heardBy{traits: Traits{States: true}}
	s := newSpine(t, config("pager"), map[string]Channel{"pager": pager})
	s.fire(1, High, "dana", day)
	id := s.alerts()[0].ID
	for name, n := range map[string]NewException{
		"no reason": {Until: time.Now().Add(time.Hour)}, "over already": {Until: day, Reason: "x"}, "too long": {Until: time.Now().Add(2 * MaxException), Reason: "x"},
	} {
		if _, err := s.outbox.Except(ctx, ana, id, n); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, err := s.outbox.Except(ctx, ana, id, NewException{Until: time.Now().Add(time.Hour), Reason: "the migration"})
	must(t, err)
	if a.State != Excepted {
		t.Errorf("alert: %+v", a)
	}
	s.round()
	s.fire(3, High, "dana", day.Add(2*time.Hour)) // another alert of the same group
	s.fire(4, High, "kofi", day.Add(2*time.Hour))
	wantEvents(t, pager, "opened high 1", "resolved high 1", "opened high 1")
	if pager.got[2].Alert.Firing.Group["account"] != "kofi" {
		t.Error("the exception did not cover its group")
	}
	list, err := s.outbox.Exceptions(ctx, ana)
	must(t, err)
	if len(list) != 1 || list[0].Alert != id {
		t.Fatalf("exceptions: %+v", list)
	}
	must(t, s.outbox.EndException(ctx, ana, list[0].ID, "it is done"))
	if err := s.outbox.EndException(ctx, ana, list[0].ID, ""); !errors.Is(err, ErrState) {
		t.Errorf("ending it twice: %v", err)
	}
	s.round()
	if got := s.alerts(); got[len(got)-1].ID != id || got[len(got)-1].State != Open {
		t.Errorf("after its end: %+v", got)
	}
}

// TestRights holds who may decide: not who configures, and nobody about themselves.
func TestRights(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newSpine(t, config(), nil)
	s.fire(1, High, "dana", day)
	s.fire(2, High, ana.Email, day)
	dana, hers := s.alerts()[1].ID, s.alerts()[0].ID
	if s.alerts()[0].Firing.Group["account"] != ana.Email {
		dana, hers = hers, dana
	}
	if _, err := s.outbox.Acknowledge(ctx, adam, dana, 0, ""); !errors.Is(err, access.ErrForbidden) {
		t.Errorf("an administrator acknowledges: %v", err)
	}
	if _, err := s.outbox.Resolve(ctx, ana, hers, 0, "nothing"); !errors.Is(err, ErrPerson) {
		t.Errorf("ana resolves what is about her: %v", err)
	}
	if _, err := s.outbox.Acknowledge(ctx, ana, hers, 0, ""); err != nil {
		t.Errorf("ana acknowledges: %v", err)
	}
	if _, err := s.outbox.Acknowledge(ctx, ana, strings.Repeat("0", 32), 0, ""); !errors.Is(err, ErrUnknown) {
		t.Errorf("an alert that is none: %v", err)
	}
}

// TestDeadChannel holds that a channel which fails is told of by health, that the others hear in its place without names, and that it
// gets its message once it is back.
func TestDeadChannel(t *testing.T) {
	t.Parallel()
	oncall, slack := &heardBy{fail: errAway}, &heardBy{}
	cfg := config("oncall", "slack")
	cfg.Routes = []Route{{Severity: High, Channels: []string{"oncall"}}}
	s := newSpine(t, cfg, map[string]Channel{"oncall": oncall, "slack": slack})
	s.fire(1, Low, "kofi", day)
	s.fire(2, High, "dana", day)
	for range failingFrom {
		s.due()
		s.send()
	}
	s.send()
	wantEvents(t, slack, "opened high 1")
	if m := slack.got[0]; strings.Contains(m.Sentence()+m.Subject()+m.By, "dana") || len(m.Alert.Firing.Group) > 0 || len(m.Alert.Firing.Fields) > 0 {
		t.Errorf("who was not chosen hears of whom: %+v", m)
	}
	if c := s.health.Conditions(); len(c) != 1 || c[0].Code != Condition("oncall") {
		t.Errorf("conditions: %+v", c)
	}
	s.reopen()
	oncall.fail = nil
	s.due()
	s.send()
	wantEvents(t, oncall, "opened high 1")
	wantEvents(t, slack, "opened high 1")
	if c := s.health.Conditions(); len(c) != 0 {
		t.Errorf("conditions: %+v", c)
	}
}

// TestRefusal holds that what is refused for good is given up, and the next message goes.
func TestRefusal(t *testing.T) {
	t.Parallel()
	slack := &heardBy{fail: &RefusedError{Err: errors.New("no such field")}}
	s := newSpine(t, config("slack"), map[string]Channel{"slack": slack})
	s.fire(1, High, "dana", day)
	slack.fail = nil
	s.fire(2, High, "kofi", day)
	wantEvents(t, slack, "opened high 1")
	sent, err := s.outbox.Messages(context.Background(), s.alerts()[0].ID)
	must(t, err)
	other, err := s.outbox.Messages(context.Background(), s.alerts()[1].ID)
	must(t, err)
	if len(sent) != 1 || len(other) != 1 || sent[0].GivenUp.IsZero() == other[0].GivenUp.IsZero() {
		t.Errorf("messages: %+v, %+v", sent, other)
	}
}

// TestRetryAfter holds that a receiver is left alone for as long as it asks.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	slack := &heardBy{fail: &forward.RetryAfter{After: 7 * time.Minute, Err: errAway}}
	s := newSpine(t, config("slack"), map[string]Channel{"slack": slack})
	s.fire(1, High, "dana", day)
	m, ok, err := s.outbox.senders[0].next(context.Background())
	must(t, err)
	if wait := time.Until(m.due); !ok || wait < 6*time.Minute || wait > 8*time.Minute {
		t.Errorf("it waits %v", wait)
	}
}

// TestHolds holds that a channel that may hold the rule alone hears nobody's name.
func TestHolds(t *testing.T) {
	t.Parallel()
	slack := &heardBy{}
	cfg := config("slack")
	cfg.Channels[0].Holds = HoldsRule
	s := newSpine(t, cfg, map[string]Channel{"slack": slack})
	s.fire(1, High, "dana", day)
	if m := slack.got[0]; strings.Contains(m.Sentence(), "dana") || m.Alert.Firing.Group != nil || m.Alert.Firing.Fields != nil || m.Subject() != "[high] SSO was turned off" {
		t.Errorf("message: %+v", m)
	}
	if f, _, _ := s.list.Get(context.Background(), slack.got[0].Alert.Firing.ID); f.Sentence == "" {
		t.Error("cutting the message cut the firing")
	}
}

// TestFileNamesNobody holds that alerts.db has no value of a record, so that erasure needs nothing there.
func TestFileNamesNobody(t *testing.T) {
	t.Parallel()
	s := newSpine(t, config("slack"), map[string]Channel{"slack": &heardBy{}})
	s.fire(1, High, "dana-who-is-erased", day)
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(Path(s.dir) + suffix)
		must(t, err)
		if strings.Contains(string(b), "dana-who-is-erased") {
			t.Errorf("alerts.db%s names who it is about", suffix)
		}
	}
}

// TestRun holds that Run sends by itself and ends with its context.
func TestRun(t *testing.T) {
	t.Parallel()
	told := make(chan Message, 1)
	s := newSpine(t, config("slack"), map[string]Channel{"slack": toldBy(told)})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.outbox.Run(ctx) }()
	s.list.mu.Lock()
	s.list.list = append(s.list.list, Firing{ID: "f", Seq: 1, Rule: "r", Severity: High, At: day, Recorded: day})
	s.list.mu.Unlock()
	if m := <-told; m.Event != Opened {
		t.Errorf("told %+v", m)
	}
	cancel()
	must(t, <-done)
}

type toldBy chan Message

func (c toldBy) Send(ctx context.Context, m Message) error {
	select {
	case c <- m:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
func (c toldBy) Traits() Traits { return Traits{} }
func (c toldBy) Close() error   { return nil }
