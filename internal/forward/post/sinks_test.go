package post_test

import (
	"context"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/datadog"
	"github.com/tripod-audit/tripod/internal/forward/elastic"
	"github.com/tripod-audit/tripod/internal/forward/secops"
	"github.com/tripod-audit/tripod/internal/forward/sentinel"
	"github.com/tripod-audit/tripod/internal/forward/splunk"
	"github.com/tripod-audit/tripod/internal/simulate/siem"
)

// bench is the receivers on a socket, and what a sink needs for them.
type bench struct {
	siem   *siem.SIEM
	server *httptest.Server
	url    string
	ca     string
	dir    string
}

func newBench(t *testing.T, o siem.Options) *bench {
	t.Helper()
	b := &bench{siem: siem.New(o), dir: t.TempDir()}
	server := httptest.NewTLSServer(b.siem)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(server.Close)
	b.server, b.url = server, server.URL
	b.ca = b.file(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	return b
}

func (b *bench) file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var deps = forward.SinkDeps{Name: "test", Origin: "tripod.example.com/ledger", Version: "0", Logger: slog.New(slog.DiscardHandler)}

// kind is one sort of sink: its vendor, and how it is opened with the credential of a file.
type kind struct {
	vendor siem.Vendor
	secret func(*bench) string
	open   func(t *testing.T, b *bench, credential string) (forward.Sink, error)
}

func fixed(s string) func(*bench) string { return func(*bench) string { return s } }

// serviceAccount takes a while to make.
func serviceAccount(b *bench) string { return string(b.siem.ServiceAccount(b.url)) }

// kinds are all sorts.
func kinds() map[string]kind {
	return map[string]kind{
		"splunk": {siem.Splunk, fixed(siem.FakeToken), func(t *testing.T, b *bench, file string) (forward.Sink, error) {
			return splunk.New(t.Context(), splunk.Config{URL: b.url, Token: forward.Secret{File: file}, TLS: forward.TLS{CA: b.ca}}, deps)
		}},
		"splunk with acknowledgement": {siem.SplunkAck, fixed(siem.FakeAckToken), func(t *testing.T, b *bench, file string) (forward.Sink, error) {
			return splunk.New(t.Context(), splunk.Config{
				URL: b.url, Token: forward.Secret{File: file}, Ack: true, AckTimeout: 200 * time.Millisecond, AckPoll: time.Millisecond, TLS: forward.TLS{CA: b.ca},
			}, deps)
		}},
		"elastic": {siem.Elastic, fixed(siem.FakeElasticKey), func(t *testing.T, b *bench, file string) (forward.Sink, error) {
			return elastic.New(t.Context(), elastic.Config{URL: b.url, APIKey: forward.Secret{File: file}, TLS: forward.TLS{CA: b.ca}}, deps)
		}},
		"sentinel": {siem.Sentinel, fixed(siem.FakeClientSecret), func(t *testing.T, b *bench, file string) (forward.Sink, error) {
			return sentinel.New(t.Context(), sentinel.Config{
				Endpoint: b.url, Authority: b.url, Rule: siem.FakeRule, Tenant: siem.FakeTenant, ClientID: siem.FakeClient, ClientSecret: forward.Secret{File: file}, TLS: forward.TLS{CA: b.ca},
			}, deps)
		}},
		"secops": {siem.SecOps, serviceAccount, func(t *testing.T, b *bench, file string) (forward.Sink, error) {
			return secops.New(t.Context(), secops.Config{
				Endpoint: b.url, Project: "fake-project", Location: "eu", Instance: "fake-instance", Credentials: forward.Secret{File: file}, TLS: forward.TLS{CA: b.ca},
			}, deps)
		}},
		"datadog": {siem.Datadog, fixed(siem.FakeDatadogKey), func(t *testing.T, b *bench, file string) (forward.Sink, error) {
			return datadog.New(t.Context(), datadog.Config{URL: b.url, APIKey: forward.Secret{File: file}, TLS: forward.TLS{CA: b.ca}}, deps)
		}},
	}
}

func (b *bench) sink(t *testing.T, k kind) forward.Sink {
	t.Helper()
	s, err := k.open(t, b, b.file(t, "credential-"+string(k.vendor), k.secret(b)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

const canary = "somebody wrote this"

// makeItems are n items with bodies of about size bytes.
func makeItems(n, size int) []forward.Item {
	items := make([]forward.Item, n)
	for i := range items {
		id := fmt.Appendf(nil, "item %011d", i)
		body := fmt.Sprintf(`{"n":%d,"text":%q`, i, canary)
		if pad := size - len(body) - 10; pad > 0 {
			body += `,"pad":"` + strings.Repeat("x", pad) + `"`
		}
		items[i] = forward.Item{
			ID: hex.EncodeToString(id[:16]), Kind: forward.KindRecord, Seq: uint64(i + 1), Type: `"quoted" type`, Key: "k",
			Time: time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond), Body: []byte(body + "}"),
		}
	}
	return items
}

// driver does with a sink what the forwarder does, without waiting.
type driver struct {
	t    *testing.T
	sink forward.Sink

	mu    sync.Mutex
	dead  map[string]string
	errs  []string
	again int
}

// all sends items in batches of a size until each is acknowledged or dead.
func (d *driver) all(items []forward.Item, size int) {
	d.t.Helper()
	d.dead = map[string]string{}
	var wg sync.WaitGroup
	slots := make(chan struct{}, d.sink.Limits().InFlight)
	for batch := range slices.Chunk(items, size) {
		slots <- struct{}{}
		wg.Go(func() {
			d.one(batch)
			<-slots
		})
	}
	wg.Wait()
}

const mostTries = 60

func (d *driver) one(items []forward.Item) {
	for range mostTries {
		outcomes, err := d.sink.Send(d.t.Context(), items)
		if err == nil {
			if items = d.left(items, outcomes); len(items) == 0 {
				return
			}
			continue
		}
		d.mu.Lock()
		d.errs = append(d.errs, err.Error())
		d.again++
		d.mu.Unlock()
		if errors.Is(err, forward.ErrTooLarge) {
			if len(items) == 1 {
				d.mu.Lock()
				d.dead[items[0].ID] = err.Error()
				d.mu.Unlock()
				return
			}
			d.one(items[:len(items)/2])
			items = items[len(items)/2:]
		}
	}
	d.t.Errorf("%d items are not acknowledged after %d tries: %s", len(items), mostTries, strings.Join(d.errs, "; "))
}

func (d *driver) left(items []forward.Item, outcomes []forward.Outcome) (left []forward.Item) {
	if outcomes != nil && len(outcomes) != len(items) {
		d.t.Fatalf("%d outcomes of %d items", len(outcomes), len(items))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, o := range outcomes {
		switch o.Code {
		case forward.Again:
			left = append(left, items[i])
			d.again++
		case forward.Dead:
			d.dead[items[i].ID] = o.Reason
		}
		d.errs = append(d.errs, o.Reason)
	}
	return left
}

// id is the item's id in what a receiver holds, which for Elastic is by index.
func id(held string) string { return held[strings.LastIndexByte(held, '/')+1:] }

// equal compares what was sent with what is held and dead, and returns how many are there more than once.
func (d *driver) equal(b *bench, v siem.Vendor, items []forward.Item, lost int) (twice int) {
	d.t.Helper()
	held := b.siem.Held(v)
	got := map[string]bool{}
	for name, h := range held {
		if got[id(name)] {
			d.t.Errorf("%s: %s stands in two indices", v, id(name))
		}
		got[id(name)] = true
		if h.Times > 1 {
			twice++
		}
	}
	missing := 0
	for _, it := range items {
		_, dead := d.dead[it.ID]
		switch {
		case got[it.ID] && dead:
			d.t.Errorf("%s: %s is held and dead", v, it.ID)
		case !got[it.ID] && !dead:
			missing++
		}
		delete(got, it.ID)
	}
	if missing != lost {
		d.t.Errorf("%s: %d items are missing, want %d", v, missing, lost)
	}
	if len(got) > 0 {
		d.t.Errorf("%s: holds what nobody sent: %v", v, slices.Collect(maps.Keys(got)))
	}
	for _, e := range d.errs {
		for _, s := range []string{canary, siem.FakeToken, siem.FakeAckToken, siem.FakeElasticKey, siem.FakeClientSecret, siem.FakeDatadogKey, "PRIVATE KEY", "fake-access-", b.url} {
			if strings.Contains(e, s) {
				d.t.Errorf("%s: an error shows %q: %s", v, s, e)
			}
		}
	}
	return twice
}

// TestFaults lets each fault befall each sink once, and twice in a row.
func TestFaults(t *testing.T) {
	t.Parallel()
	b := newBench(t, siem.Options{SlowBy: 5 * time.Millisecond})
	for name, k := range kinds() {
		for _, f := range append(siem.AllFaults(), siem.None) {
			b.siem.Forget()
			d := &driver{t: t, sink: b.sink(t, k)}
			items := makeItems(24, 100)
			b.siem.Next(k.vendor, f, f)
			d.all(items, 12)
			lost := 0
			if f == siem.Drop && k.vendor != siem.SplunkAck {
				lost = len(items) // what "accepted" is worth
			}
			twice := d.equal(b, k.vendor, items, lost)
			// Half of an answer without a body may be all of it.
			stored, told := f == siem.Lost || f == siem.Half, f == siem.Half && k.vendor == siem.Sentinel
			if !told && stored != (twice > 0) && d.sink.Grade() != forward.GradeExact {
				t.Errorf("%s, %s: %d items are there twice", name, f, twice)
			}
			if d.sink.Grade() == forward.GradeExact && twice > 0 {
				t.Errorf("%s, %s: %d items are there twice, exactly once was promised", name, f, twice)
			}
			if dead := len(d.dead) > 0; dead != (f == siem.ItemRefused && k.vendor == siem.Elastic) {
				t.Errorf("%s, %s: %d items are dead", name, f, len(d.dead))
			}
			if b.siem.Counts(k.vendor).Faults[string(f)] == 0 && f != siem.None {
				t.Errorf("%s, %s: the fault befell nothing", name, f)
			}
		}
	}
}

// TestRoughDay lets every fault befall many batches under way at once.
func TestRoughDay(t *testing.T) {
	t.Parallel()
	rates := siem.Faults{}
	for _, f := range siem.AllFaults() {
		rates[f] = 0.06
	}
	b := newBench(t, siem.Options{Seed: 7, Faults: rates, SlowBy: time.Millisecond})
	var wg sync.WaitGroup
	for _, k := range kinds() {
		d := &driver{t: t, sink: b.sink(t, k)}
		wg.Go(func() {
			items := makeItems(600, 300)
			d.all(items, 20)
			lost := b.siem.Counts(k.vendor).Dropped
			if k.vendor == siem.SplunkAck {
				lost = 0 // no acknowledgement came, so it was sent again
			}
			d.equalAtMost(b, k.vendor, items, lost)
		})
	}
	wg.Wait()
}

// equalAtMost is equal where an item that was dropped may have come before: its answer was lost.
func (d *driver) equalAtMost(b *bench, v siem.Vendor, items []forward.Item, lost int) {
	missing := 0
	got := map[string]bool{}
	for name := range b.siem.Held(v) {
		got[id(name)] = true
	}
	for _, it := range items {
		if _, dead := d.dead[it.ID]; !dead && !got[it.ID] {
			missing++
		}
	}
	if missing > lost {
		d.t.Errorf("%s: %d items are missing, %d were dropped", v, missing, lost)
	}
	d.equal(b, v, items, missing)
}

// TestLimits fills a batch to the brim, in items and in bytes: the receiver takes it whole.
func TestLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t, siem.Options{})
	for name, k := range kinds() {
		s := b.sink(t, k)
		l := s.Limits()
		largest := min(max(l.ItemBytes, 0), l.Bytes)
		if l.ItemBytes == 0 {
			largest = l.Bytes
		}
		for _, items := range [][]forward.Item{
			makeItems(l.Items, l.Bytes/l.Items),
			makeItems(l.Bytes/largest, largest),
		} {
			b.siem.Forget()
			d := &driver{t: t, sink: s}
			d.all(items, len(items))
			d.equal(b, k.vendor, items, 0)
			c := b.siem.Counts(k.vendor)
			if c.Requests != 1 || c.Truncated != 0 || len(d.errs) > 0 || len(d.dead) > 0 {
				t.Errorf("%s: %d items took %d requests, %d were cut, %d are dead: %v", name, len(items), c.Requests, c.Truncated, len(d.dead), d.errs)
			}
			for _, it := range items[:1] {
				for held, h := range b.siem.Held(k.vendor) {
					if id(held) == it.ID && !strings.Contains(string(h.Body), `"n":0,"text":"`+canary) {
						t.Errorf("%s: holds %.200s", name, h.Body)
					}
				}
			}
		}
	}
}

// TestCredentialReplaced replaces the credential while a sink runs: it is read anew when the old one is refused.
func TestCredentialReplaced(t *testing.T) {
	t.Parallel()
	b := newBench(t, siem.Options{})
	for name, k := range kinds() {
		wrong := "fake-but-wrong"
		if k.vendor == siem.SecOps {
			wrong = string(siem.New(siem.Options{}).ServiceAccount(b.url))
		}
		file := b.file(t, "replaced", wrong)
		s, err := k.open(t, b, file)
		if err != nil {
			t.Fatal(err)
		}
		items := makeItems(3, 50)
		var auth *forward.AuthError
		if _, err := s.Send(t.Context(), items); !errors.As(err, &auth) {
			t.Errorf("%s: with a wrong credential: %v", name, err)
		}
		b.file(t, "replaced", k.secret(b))
		d := &driver{t: t, sink: s}
		d.all(items, 3)
		d.equal(b, k.vendor, items, 0)
		if len(d.errs) > 0 {
			t.Errorf("%s: with the right one: %v", name, d.errs)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTokenRevoked takes back access tokens: what is sent gets another without an error.
func TestTokenRevoked(t *testing.T) {
	t.Parallel()
	b := newBench(t, siem.Options{})
	for _, name := range []string{"sentinel", "secops"} {
		k := kinds()[name]
		before := b.siem.Tokens()
		d := &driver{t: t, sink: b.sink(t, k)}
		d.all(makeItems(50, 50), 5)
		if n := b.siem.Tokens() - before; n != 1 {
			t.Errorf("%s: asked for %d tokens", name, n)
		}
		b.siem.Revoke()
		d.all(makeItems(50, 50), 5)
		if len(d.errs) > 0 {
			t.Errorf("%s: %v", name, d.errs)
		}
		if n := b.siem.Tokens() - before; n < 2 {
			t.Errorf("%s: asked for %d tokens after the first was revoked", name, n)
		}
	}
}

// TestUntrusted refuses receivers whose certificate nobody vouches for.
func TestUntrusted(t *testing.T) {
	t.Parallel()
	b := newBench(t, siem.Options{})
	b.ca = ""
	for name, k := range kinds() {
		if _, err := b.sink(t, k).Send(t.Context(), makeItems(1, 10)); err == nil {
			t.Errorf("%s: sent to a receiver with an unknown certificate", name)
		}
		if n := b.siem.Counts(k.vendor).Requests; n > 0 {
			t.Errorf("%s: %d requests arrived", name, n)
		}
	}
}

// TestStop ends a Send that waits.
func TestStop(t *testing.T) {
	t.Parallel()
	b := newBench(t, siem.Options{Polls: 1 << 30})
	s := b.sink(t, kinds()["splunk with acknowledgement"])
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Send(ctx, makeItems(1, 10))
		done <- err
	}()
	for b.siem.Counts(siem.SplunkAck).Items == 0 && ctx.Err() == nil {
		select {
		case err := <-done:
			t.Fatalf("returned before it was stored: %v", err)
		default:
		}
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("acknowledged what was not")
	}
}
