package recorder_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// bench is a real journal and content store behind a door that can be made to fail.
type bench struct {
	t       testing.TB
	journal *journal.Journal
	blocks  *counted
	door    *door
	health  *health.Registry
	metrics *prometheus.Registry
	drain   time.Duration // how long a recorder waits at its end for a journal that refuses
}

// counted counts the plaintext that enters the content store.
type counted struct {
	*content.Store
	mu    sync.Mutex
	bytes map[content.Address]int
}

func (c *counted) Put(ctx context.Context, blocks []content.Block) ([]content.Address, error) {
	list, err := c.Store.Put(ctx, blocks)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, a := range list {
		c.bytes[a] = len(blocks[i].Plaintext)
	}
	return list, err
}

func (c *counted) total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, b := range c.bytes {
		n += b
	}
	return n
}

// door is the real door; before and after each delivery a test may have its say.
type door struct {
	*intake.Door
	mu     sync.Mutex
	before func(intake.Delivery) error
	after  func(intake.Delivery) error
}

func (d *door) set(before, after func(intake.Delivery) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before, d.after = before, after
}

func (d *door) Submit(ctx context.Context, del intake.Delivery) (intake.Receipt, error) {
	d.mu.Lock()
	before, after := d.before, d.after
	d.mu.Unlock()
	if before != nil {
		if err := before(del); err != nil {
			return intake.Receipt{}, err
		}
	}
	receipt, err := d.Door.Submit(ctx, del)
	if err == nil && after != nil {
		err = after(del)
	}
	return receipt, err
}

func newBench(t testing.TB, rules ...capture.Rule) *bench {
	t.Helper()
	dir := t.TempDir()
	ctx := context.Background()
	j, err := journal.Open(ctx, dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Load(keyring.Config{DataDir: dir, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := content.Open(ctx, dir, content.Options{Keyring: keys})
	if err != nil {
		t.Fatal(err)
	}
	if rules == nil {
		rules = []capture.Rule{{Keep: audit.ClassText}}
	}
	policy, err := capture.New(capture.Config{Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 2)
	go func() { done <- j.Run(running) }()
	go func() { done <- c.Run(running) }()
	t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if err := errors.Join(c.Close(), j.Close()); err != nil {
			t.Error(err)
		}
	})
	blocks := &counted{Store: c, bytes: make(map[content.Address]int)}
	return &bench{
		t: t, journal: j, blocks: blocks, health: new(health.Registry), metrics: prometheus.NewRegistry(), drain: 10 * time.Second,
		door: &door{Door: intake.New(j, blocks, policy, []byte("a key of the test's own"))},
	}
}

// run starts a recorder; stop ends it and returns what Run returned.
func (b *bench) run(cfg recorder.Config) (r *recorder.Recorder, stop func() error) {
	b.t.Helper()
	r, err := recorder.New(cfg, recorder.Deps{Door: b.door, Cursors: b.journal, Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"run": fmt.Sprint(len(b.metricsNames()))}, b.metrics), Health: b.health, Key: []byte("key")})
	if err != nil {
		b.t.Fatal(err)
	}
	recorder.DrainFor(r, b.drain)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() { cancel(); result = <-done })
		return result
	}
	b.t.Cleanup(func() { _ = stop() })
	return r, stop
}

func (b *bench) metricsNames() []string {
	families, err := b.metrics.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		for range f.GetMetric() {
			names = append(names, f.GetName())
		}
	}
	return names
}

// counter sums a metric over its labels.
func (b *bench) counter(name string) float64 {
	families, err := b.metrics.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// records are all of the gateway's, and Tripod's own, in order.
func (b *bench) records() []*audit.Record {
	b.t.Helper()
	var list []*audit.Record
	for s, err := range b.journal.Reader().Scan(context.Background(), 1, 0) {
		if err != nil {
			b.t.Fatal(err)
		}
		rec, err := s.Record()
		if err != nil {
			b.t.Fatal(err)
		}
		list = append(list, rec)
	}
	return list
}

func (b *bench) types() []string {
	var list []string
	for _, r := range b.records() {
		list = append(list, r.Type)
	}
	return list
}

func count(list []string, what string) int {
	n := 0
	for _, s := range list {
		if s == what {
			n++
		}
	}
	return n
}

func one(t *testing.T, list []*audit.Record, kind string) *audit.Record {
	t.Helper()
	var found []*audit.Record
	for _, r := range list {
		if r.Type == kind {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d records of type %s", len(found), kind)
	}
	return found[0]
}

func attribute(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	if items := v.Items(); len(items) > 0 {
		var s []string
		for _, i := range items {
			s = append(s, i.Text())
		}
		return strings.Join(s, " ")
	}
	return v.Text()
}

// head is what Claude Code sends.
func head(session string, more ...string) http.Header {
	h := http.Header{}
	h.Set("User-Agent", "claude-cli/2.1.330 (external, cli)")
	h.Set("Anthropic-Beta", "claude-code-20250219,effort-2025-11-24")
	if session != "" {
		h.Set("X-Claude-Code-Session-Id", session)
	}
	for i := 0; i+1 < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return h
}

func opening(h http.Header) recorder.Opening {
	return recorder.Opening{Method: "POST", Path: "/v1/messages", Route: recorder.RouteMessages, Header: h, Credential: "laptops", IP: "10.0.0.7", Upstream: "api.anthropic.com", Mode: "observe"}
}

func readBody(t testing.TB, body string) *messages.Request {
	t.Helper()
	req, err := messages.Read([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func readReply(t testing.TB, body string) *messages.Reply {
	t.Helper()
	r, err := messages.ReadReply([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// exchange plays one whole exchange.
func exchange(t testing.TB, r *recorder.Recorder, h http.Header, body, reply string) *recorder.Exchange {
	t.Helper()
	x := r.Open(opening(h))
	x.Asked(readBody(t, body), int64(len(body)), nil)
	x.Answered(200, http.Header{"Request-Id": {"req_" + x.ID()}})
	answer := readReply(t, reply)
	for _, b := range answer.Blocks {
		x.Block(b, nil, false)
	}
	x.End(recorder.Ending{How: "complete", Reply: answer, Bytes: int64(len(reply))})
	return x
}
