package crash

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/erasure"
)

// TestKillDuringErasure kills erasures, those that serve carries out and those of the command alone, and starts again: an
// erasure whose order is on record is completed, one whose order is not has destroyed nothing.
func TestKillDuringErasure(t *testing.T) {
	t.Parallel()
	h := newHome(t, captureAll)
	rng := seeded(t)
	rounds := 20
	if soak() {
		rounds = 300
	}
	e := &erasures{home: h, rng: rng, book: newBook(), delay: [2]time.Duration{50 * time.Millisecond, 100 * time.Millisecond}}
	e.crowd = newCrowd(rng, e.book, 2)
	for _, c := range e.crowd {
		c.most = 5
	}
	for round := range rounds {
		e.round(t, round%2)
	}
	s := h.run(t)
	e.crowd.flush(t, s)
	s.awaitViews(t)
	s.stop(t)
	e.book.auditAll(t, h)
	compareRebuilt(t, h, e.book)
	t.Logf("%d orders: %d not on record, %d cut short behind their order, %d completed before the kill; %d records erased",
		rounds, e.seen[notOrdered], e.seen[ordered], e.seen[completed], len(e.book.gone.records))
}

// erasures drives the test and knows what was ordered.
type erasures struct {
	home   *home
	rng    *rand.Rand
	book   *book
	crowd  crowd
	anchor anchor
	delay  [2]time.Duration // about when an order becomes durable, through serve and without it
	seen   [3]int           // outcomes
}

// Outcomes of a killed erasure.
const (
	notOrdered = iota
	ordered
	completed
)

// target is what a round erases, and the bytes that must be nowhere afterwards.
type target struct {
	seq       uint64 // 0 for a whole container
	sent      *sent
	container string
	blocks    []string
	secrets   map[string][]byte
	order     uint64 // position of the order, once that is known
}

// args are the arguments of the command that erases it.
func (x *target) args() []string {
	args := []string{"erase", "--reason", "a test", "--json"}
	if x.seq > 0 {
		return append(args, "--record", strconv.FormatUint(x.seq, 10))
	}
	return append(args, "--container", x.container)
}

// round erases something, kills at about the moment its order becomes durable, and looks what became of it.
func (e *erasures) round(t *testing.T, alone int) {
	t.Helper()
	h := e.home
	s := h.run(t)
	e.load(t, s)
	e.book.audit(t, h)
	x := e.choose(t, e.rng.IntN(2) == 0)
	e.collect(t, x)
	cmd := exec.Command(h.binary, append(x.args(), "--data", h.data)...)
	var out bytes.Buffer
	cmd.Stdout = &out
	var stop func()
	if alone == 1 {
		s.stop(t)
		stop = func() { _ = cmd.Process.Kill() }
	} else {
		ctx, cancel := context.WithCancel(t.Context())
		sending := make(chan struct{})
		go func() {
			defer close(sending)
			e.crowd.send(ctx, t, s)
		}()
		stop = func() { s.kill(); cancel(); <-sending }
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-time.After(e.delay[alone]/2 + time.Duration(e.rng.Int64N(int64(e.delay[alone]))))
	stop()
	err := cmd.Wait()
	e.outcome(t, x, alone, err == nil, out.Bytes())
}

// load sends a little.
func (e *erasures) load(t *testing.T, s *serve) {
	t.Helper()
	for _, c := range e.crowd {
		l := s.dial(t)
		for range 6 {
			if err := c.step(t.Context(), l); err != nil {
				t.Fatalf("send over %s: %v", c.protocol, err)
			}
		}
		l.close()
	}
}

// choose picks a record, or the container of a session that is over if there is one.
func (e *erasures) choose(t *testing.T, container bool) *target {
	t.Helper()
	current := make(map[string]bool)
	for _, c := range e.crowd {
		current[c.session] = true
		if c.pending != nil {
			for _, s := range c.pending.records {
				current[s.session] = true
			}
		}
	}
	var all []*sent
	for _, key := range slices.Sorted(maps.Keys(e.book.records)) {
		if s := e.book.records[key]; s.seq > 0 && !s.erased {
			all = append(all, s)
		}
	}
	if container {
		over := slices.DeleteFunc(slices.Clone(all), func(s *sent) bool {
			return current[s.session] || e.book.gone.containers["session/-/"+s.session] > 0
		})
		if len(over) > 0 {
			s := over[e.rng.IntN(len(over))]
			return &target{sent: s, container: "session/-/" + s.session}
		}
	}
	s := all[e.rng.IntN(len(all))]
	return &target{seq: s.seq, sent: s}
}

// collect finds what must be destroyed: the salt of a record, the wrapped keys of a container.
func (e *erasures) collect(t *testing.T, x *target) {
	t.Helper()
	x.secrets = make(map[string][]byte)
	if x.seq > 0 {
		r := e.home.open(t)
		defer r.close(t)
		stored, err := r.journal.Get(t.Context(), x.seq)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := stored[0].Record()
		if err != nil {
			t.Fatal(err)
		}
		x.container = rec.Container
		for _, c := range rec.Content {
			x.blocks = append(x.blocks, c.Address)
		}
		x.secrets["the salt of the record"] = bytes.Clone(stored[0].Salt[:])
		return
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(e.home.data, "keys", "containers.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT id, wrapped FROM keys WHERE container = ?", x.container)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int
		var wrapped []byte
		if err := rows.Scan(&id, &wrapped); err != nil {
			t.Fatal(err)
		}
		if len(bytes.Trim(wrapped, "\x00")) > 0 {
			x.secrets[fmt.Sprintf("wrapped key %d", id)] = wrapped
		}
	}
	if err := rows.Err(); err != nil || len(x.secrets) == 0 {
		t.Fatalf("container %s has no key: %v", x.container, err)
	}
}

// found says which of the secrets stand in the raw files. No reader of this process may be open on them.
func (e *erasures) found(t *testing.T, x *target) (where []string) {
	t.Helper()
	for _, pattern := range []string{"*.db", "*.db-wal", "keys/*"} {
		files, err := filepath.Glob(filepath.Join(e.home.data, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for what, secret := range x.secrets {
				if bytes.Contains(raw, secret) {
					where = append(where, what+" in "+filepath.Base(file))
				}
			}
		}
	}
	return where
}

// outcome looks at what the kill left, starts serve, and looks again.
func (e *erasures) outcome(t *testing.T, x *target, alone int, succeeded bool, printed []byte) {
	t.Helper()
	h := e.home
	order, done := e.acts(t, x)
	switch {
	case order == 0:
		e.seen[notOrdered]++
		e.delay[alone] += e.delay[alone] / 8
	case done == 0:
		e.seen[ordered]++
	default:
		e.seen[completed]++
		e.delay[alone] -= e.delay[alone] / 8
	}
	if succeeded {
		var receipt erasure.Receipt
		if err := json.Unmarshal(printed, &receipt); err != nil {
			t.Fatalf("erase printed %q: %v", printed, err)
		}
		if receipt.Intent != order || receipt.Completed != done || done == 0 {
			t.Errorf("erase reported %+v, on record are %d and %d", receipt, order, done)
		}
		if where := e.found(t, x); len(where) > 0 {
			t.Errorf("erase reported success, and there is %v", where)
		}
	} else if order == 0 {
		if where := e.found(t, x); len(where) == 0 {
			t.Errorf("nothing was ordered, and %v is gone", slices.Collect(maps.Keys(x.secrets)))
		}
	}
	if order > 0 {
		e.expect(x, order)
	}
	if e.rng.IntN(3) == 0 { // the completion may be cut short, too
		s := h.start(t)
		wait(e.rng, 200*time.Millisecond)
		s.kill()
	}
	s := h.run(t)
	if order > 0 {
		await(t, fmt.Sprintf("wait for serve to complete the erasure ordered by record %d", order), func() error {
			if again, done := e.acts(t, x); again != order || done == 0 {
				return fmt.Errorf("order %d, completion %d", again, done)
			}
			return nil
		})
		if where := e.found(t, x); len(where) > 0 {
			t.Errorf("the erasure ordered by record %d is completed, and there is %v", order, where)
		}
	}
	e.crowd.flush(t, s)
	e.book.audit(t, h)
	s.kill()
	e.check(t, x, order)
	e.anchor.check(t, h)
}

// expect notes what the order will take.
func (e *erasures) expect(x *target, order uint64) {
	if x.seq == 0 {
		e.book.gone.containers[x.container] = order
		return
	}
	x.sent.erased = true
	e.book.gone.records[x.seq] = true
	for _, a := range x.blocks {
		e.book.gone.blocks[[2]string{x.container, a}] = true
	}
}

// check looks at the record itself.
func (e *erasures) check(t *testing.T, x *target, order uint64) {
	t.Helper()
	r := e.home.open(t)
	defer r.close(t)
	stored, err := r.journal.Get(t.Context(), x.sent.seq)
	if err != nil {
		t.Fatal(err)
	}
	erased := order > 0 && x.seq > 0
	if got := stored[0].Tombstone != nil; got != erased {
		t.Fatalf("position %d: tombstone %v, want %v", x.sent.seq, got, erased)
	}
	if erased {
		if stored[0].Tombstone.Reason != audit.TombstoneErased {
			t.Errorf("position %d: tombstone says %q", x.sent.seq, stored[0].Tombstone.Reason)
		}
		return
	}
	rec, err := stored[0].Record()
	if err != nil {
		t.Fatal(err)
	}
	e.book.compare(t, r, rec, x.sent)
}

// acts finds the order of an erasure and its completion in the journal; 0 is none.
func (e *erasures) acts(t *testing.T, x *target) (order, done uint64) {
	t.Helper()
	r := e.home.open(t)
	defer r.close(t)
	last, err := r.journal.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var name string
	for s, err := range r.journal.Scan(t.Context(), x.sent.seq, last) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Tombstone != nil {
			continue
		}
		rec, err := s.Record()
		if err != nil {
			t.Fatal(err)
		}
		position, _ := rec.Attributes.Get("position")
		container, _ := rec.Attributes.Get("container")
		token, _ := rec.Attributes.Get("order")
		at, _ := position.Int64()
		switch {
		case rec.Source != audit.SourceTripod:
		case rec.Type == erasure.TypeRecord && x.seq > 0 && uint64(at) == x.seq,
			rec.Type == erasure.TypeContainer && x.seq == 0 && container.Str() == x.container:
			if order != 0 {
				t.Errorf("erasure of %s is ordered twice, by %d and %d", x.sent.key, order, s.Seq)
			}
			order, name = s.Seq, token.Str()
		case rec.Type == erasure.TypeCompleted && order != 0 && token.Str() == name:
			if done != 0 {
				t.Errorf("erasure ordered by %d is completed twice, by %d and %d", order, done, s.Seq)
			}
			if uint64(at) != order {
				t.Errorf("completion %d names order %d, want %d", s.Seq, at, order)
			}
			done = s.Seq
		}
	}
	return order, done
}
