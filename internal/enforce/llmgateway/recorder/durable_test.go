package recorder_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/intake"
)

var errRefused = fmt.Errorf("no room: %w", intake.ErrUnavailable)

func refuse(intake.Delivery) error { return errRefused }

// waitFor waits until the recorder's state is as wanted.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline.Done():
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

func TestDurable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	x := r.Open(opening(head("s")))
	x.Asked(readBody(t, turnOne), 1, nil)
	if err := x.Durable(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := b.types(); count(got, "llm.request") != 1 || count(got, "llm.prompt") != 1 {
		t.Errorf("durable, and the journal has %v", got)
	}
	y := r.Open(opening(head("s"))) // nothing is known of its body: that it began is on record all the same
	if err := y.Durable(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := count(b.types(), "llm.request"); n != 2 {
		t.Errorf("%d requests", n)
	}
	x.End(recorder.Ending{How: "complete"})
	y.End(recorder.Ending{How: "stopped"})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n := count(b.types(), "llm.end"); n != 2 {
		t.Errorf("%d ends", n)
	}
	if raw, err := b.journal.Cursor(context.Background(), recorder.Cursor); err != nil || raw != nil {
		t.Errorf("all has ended, and open are %s (%v)", raw, err)
	}
}

// TestDurableTogether: many exchanges at once, each durable before it goes on.
func TestDurableTogether(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			x := r.Open(opening(head(fmt.Sprint("s", i))))
			x.Asked(readBody(t, turnOne), 1, nil)
			if err := x.Durable(context.Background()); err != nil {
				t.Error(err)
			}
			x.End(recorder.Ending{How: "complete"})
		})
	}
	all.Wait()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := b.types(); count(got, "llm.request") != 40 || count(got, "llm.end") != 40 || count(got, "llm.prompt") != 40 {
		t.Errorf("%d requests, %d prompts, %d ends", count(got, "llm.request"), count(got, "llm.prompt"), count(got, "llm.end"))
	}
}

// TestJournalRefuses: enforce mode is told at once, observe mode waits in memory, and everything is written afterwards.
func TestJournalRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.door.set(refuse, nil)
	r, stop := b.run(recorder.Config{})
	x := r.Open(opening(head("s")))
	x.Asked(readBody(t, turnOne), 1, nil)
	if err := x.Durable(context.Background()); !errors.Is(err, intake.ErrUnavailable) {
		t.Fatalf("%v", err)
	}
	x.End(recorder.Ending{How: "refused"})
	waitFor(t, "the condition is raised", func() bool {
		c := b.health.Conditions()
		return len(c) == 1 && c[0].Code == recorder.ConditionWaiting
	})
	b.door.set(nil, nil)
	waitFor(t, "what waited is written", func() bool { n, _ := r.Waiting(); return n == 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	list := b.records()
	if end := one(t, list, "llm.end"); end.Outcome != audit.OutcomeDenied || attribute(end, "ended") != "refused" {
		t.Errorf("%+v", end)
	}
	if c := b.health.Conditions(); len(c) != 0 {
		t.Errorf("%+v", c)
	}
}

// TestLoss: beyond its bound what passes is lost, counted, and put on record; the ends of what began are not.
func TestLoss(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.door.set(refuse, nil)
	r, stop := b.run(recorder.Config{MaxExchanges: 5})
	var open []*recorder.Exchange
	for i := range 8 {
		x := r.Open(opening(head(fmt.Sprint("s", i))))
		x.Asked(readBody(t, turnOne), 1, nil)
		open = append(open, x)
	}
	if err := open[7].Durable(context.Background()); !errors.Is(err, recorder.ErrLost) {
		t.Errorf("%v", err)
	}
	answer := readReply(t, answerOne)
	for _, x := range open {
		x.End(recorder.Ending{How: "complete", Reply: answer})
	}
	b.door.set(nil, nil)
	waitFor(t, "the loss is on record", func() bool { return count(b.types(), recorder.TypeLost) == 1 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	got := b.types()
	if count(got, "llm.request") != 5 || count(got, "llm.end") != 5 {
		t.Errorf("%v", got)
	}
	lost := one(t, b.records(), recorder.TypeLost)
	if attribute(lost, "exchanges") != "3" || attribute(lost, "parts") != "5" || attribute(lost, "first") == "" || lost.Source != audit.SourceTripod {
		t.Errorf("%+v", lost)
	}
	for _, rec := range b.records() {
		if rec.Type == "llm.end" && attribute(rec, "not_recorded") != "1" {
			t.Errorf("%+v", rec)
		}
	}
	if n := b.counter("tripod_gateway_lost_exchanges_total"); n != 3 {
		t.Errorf("%v lost", n)
	}
	if c := b.health.Conditions(); len(c) != 0 {
		t.Errorf("%+v", c)
	}
}

// TestLostPromptsComeBack: what found no room is recorded when the client sends its history again.
func TestLostPromptsComeBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.door.set(refuse, nil)
	r, stop := b.run(recorder.Config{MaxExchanges: 1})
	exchange(t, r, head("other"), turnOne, `{"content":[]}`)
	exchange(t, r, head("s1"), turnOne, `{"content":[]}`) // lost
	b.door.set(nil, nil)
	waitFor(t, "what waited is written", func() bool { n, _ := r.Waiting(); return n == 0 })
	exchange(t, r, head("s1"), turnOne, `{"content":[]}`)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := b.types(); count(got, "llm.prompt") != 2 || count(got, "llm.request") != 2 {
		t.Errorf("%v", got)
	}
}

var errKilled = errors.New("killed")

// TestKilledAnywhere kills the recorder before and after each delivery in turn. Whatever happens, the next run closes what
// began and did not end, once, and nothing is on record twice.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	for step := range 8 {
		for _, afterCommit := range []bool{false, true} {
			t.Run(fmt.Sprint(step, afterCommit), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.drain = time.Millisecond
				killed := make(chan struct{})
				var once sync.Once
				n := 0
				kill := func(intake.Delivery) error {
					if n++; n > step {
						once.Do(func() { close(killed) })
						return errKilled
					}
					return nil
				}
				if afterCommit {
					b.door.set(nil, kill)
				} else {
					b.door.set(kill, nil)
				}
				r, stop := b.run(recorder.Config{})
				ctx, cancel := context.WithCancel(context.Background())
				go func() { <-killed; cancel() }()
				began := 0
				for i := range 3 {
					x := r.Open(opening(head(fmt.Sprint("s", i))))
					x.Asked(readBody(t, turnOne), 1, nil)
					if x.Durable(ctx) != nil {
						break
					}
					began++ // it may have reached the upstream
					x.Block(readReply(t, answerOne).Blocks[1], nil, false)
					if x.Durable(ctx) != nil {
						break
					}
					x.End(recorder.Ending{How: "complete"})
					if x.Durable(ctx) != nil {
						break
					}
				}
				cancel()
				b.door.dead(t, stop)

				_, stop = b.run(recorder.Config{})
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				requests, ends, unknown := 0, map[string]int{}, 0
				for _, rec := range b.records() {
					switch rec.Type {
					case "llm.request":
						requests++
					case "llm.end":
						ends[rec.Keys.Body]++
						if attribute(rec, "ended") == "unknown" {
							unknown++
						}
					}
				}
				if requests < began || len(ends) != requests || unknown > 1 {
					t.Errorf("%d may have reached the upstream; %d requests and %d ends are on record, %d of them unknown", began, requests, len(ends), unknown)
				}
				for id, n := range ends {
					if n != 1 {
						t.Errorf("%s ended %d times", id, n)
					}
				}
				if n := count(b.types(), "llm.prompt"); n != requests {
					t.Errorf("%d prompts of %d requests", n, requests)
				}
			})
		}
	}
}

// dead makes the recorder stop as a kill would: nothing it does from now on reaches the journal.
func (d *door) dead(t *testing.T, stop func() error) {
	t.Helper()
	d.set(func(intake.Delivery) error { return errKilled }, nil)
	_ = stop()
	d.set(nil, nil)
}

// TestRetryOfUnrecorded: after a kill, a client's second attempt tells that its first is not on record; a second attempt
// whose first is on record tells nothing.
func TestRetryOfUnrecorded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	f := func(want string, session string) {
		t.Helper()
		before := len(b.records())
		r, stop := b.run(recorder.Config{})
		exchange(t, r, head(session, "X-Stainless-Retry-Count", "1"), turnOne, `{"content":[]}`)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := attribute(one(t, b.records()[before:], "llm.request"), "retry_of_unrecorded"); got != want {
			t.Errorf("%s: %q, want %q", session, got, want)
		}
	}
	f("true", "s1")
	f("", "s1") // the first attempt is on record now
	if n := b.counter("tripod_gateway_unrecorded_retries_total"); n != 1 {
		t.Errorf("%v", n)
	}
	r, stop := b.run(recorder.Config{}) // and in the run that saw the first one
	exchange(t, r, head("s3"), turnOne, `{"content":[]}`)
	exchange(t, r, head("s3", "X-Stainless-Retry-Count", "1"), turnOne, `{"content":[]}`)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n := b.counter("tripod_gateway_unrecorded_retries_total"); n != 1 {
		t.Errorf("%v", n)
	}
}

// TestGrowth: a conversation of 200 turns costs what it says, and a few records a turn.
func TestGrowth(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, stop := b.run(recorder.Config{})
	said, messages := 0, []string{}
	const turns = 200
	for i := range turns {
		prompt := fmt.Sprintf("question %d: %s", i, strings.Repeat("what of it? ", 40))
		reply := fmt.Sprintf("answer %d: %s", i, strings.Repeat("this of it. ", 40))
		said += len(prompt) + len(reply)
		asked := append(append([]string(nil), messages...), `{"role":"user","content":[{"type":"text","text":"`+prompt+`","cache_control":{"type":"ephemeral"}}]}`)
		exchange(t, r, head("long"), `{"messages":[`+strings.Join(asked, ",")+`]}`, `{"id":"msg","content":[{"type":"text","text":"`+reply+`"}]}`)
		messages = append(messages, `{"role":"user","content":"`+prompt+`"}`, `{"role":"assistant","content":[{"type":"text","text":"`+reply+`"}]}`)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := b.blocks.total(); float64(got) > 1.2*float64(said) {
		t.Errorf("%d bytes of content for %d bytes said", got, said)
	}
	if diff := cmp.Diff(4*turns, len(b.records())); diff != "" {
		t.Error(diff)
	}
}
