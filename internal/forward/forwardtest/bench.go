package forwardtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// Bench is a data directory with a journal to forward from.
type Bench struct {
	Dir     string
	Journal *journal.Journal
	Health  *health.Registry
	Backoff forward.Backoff
	// Checkpoints, if not nil, are where checkpoints come from; else there are none.
	Checkpoints forward.Ledger

	tb testing.TB
}

// NewBench makes an empty journal. It is closed with the test.
func NewBench(tb testing.TB) *Bench {
	tb.Helper()
	b := &Bench{Dir: tb.TempDir(), Health: new(health.Registry), tb: tb, Backoff: forward.Backoff{First: time.Millisecond, Most: 5 * time.Millisecond, Auth: 5 * time.Millisecond}}
	ctx, cancel := context.WithCancel(context.Background())
	j, err := journal.Open(ctx, b.Dir, journal.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	b.Journal = j
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, j.Close()); err != nil {
			tb.Error(err)
		}
	})
	return b
}

// Append appends records and returns the last position.
func (b *Bench) Append(n int) uint64 {
	b.tb.Helper()
	var seq uint64
	for n > 0 {
		var batch journal.Batch
		for range min(n, 500) {
			last, at := b.Last()+uint64(len(batch.Entries))+1, time.Now().UTC()
			r := Record(last, at)
			batch.Entries = append(batch.Entries, journal.Entry{Record: r, Bytes: r.AppendCanonical(nil)})
		}
		receipt, err := b.Journal.Append(context.Background(), batch)
		if err != nil {
			b.tb.Fatal(err)
		}
		seq = receipt.Seqs[len(receipt.Seqs)-1]
		n -= len(batch.Entries)
	}
	return seq
}

// Record is a record as the suite forwards it.
func Record(n uint64, at time.Time) *audit.Record {
	r := &audit.Record{
		Version: audit.SchemaVersion, ID: fmt.Sprintf("r%d", n), Normaliser: "test/1", Source: audit.SourceOTelLog, Surface: "claude_code",
		Activity: audit.ActivityToolCall, Type: "claude_code.tool_result", Outcome: audit.OutcomeSuccess, Occurred: at, Observed: at, Recorded: at,
	}
	r.Account.Asserted.Email = "dana@example.com"
	r.Keys.Session = fmt.Sprintf("session-%d", n%7)
	r.Tool = "Bash"
	r.Attributes = audit.Attrs{audit.CountAttr("n", int64(n))}
	return r
}

// Last is the journal's last position.
func (b *Bench) Last() uint64 {
	b.tb.Helper()
	last, err := b.Journal.Reader().Last(context.Background())
	if err != nil {
		b.tb.Fatal(err)
	}
	return last
}

// IDs are the ids of what stands at the positions from first to last.
func (b *Bench) IDs(first, last uint64) []string {
	b.tb.Helper()
	var ids []string
	for s, err := range b.Journal.Reader().Scan(context.Background(), first, last) {
		if err != nil {
			b.tb.Fatal(err)
		}
		if s.Tombstone == nil {
			ids = append(ids, forward.RecordID(s.Seq, s.Commitment))
		}
	}
	return ids
}

// Forwarder makes a forwarder to one sink, named sink.
func (b *Bench) Forwarder(open func(context.Context) (forward.Sink, error), change func(*forward.SinkConfig)) *forward.Forwarder {
	b.tb.Helper()
	cfg := forward.SinkConfig{Name: "sink", Format: forward.FormatRecord, From: forward.FromBeginning}
	if change != nil {
		change(&cfg)
	}
	points := b.Checkpoints
	if points == nil {
		points = none{}
	}
	f, err := forward.New(context.Background(), forward.Options{Dir: b.Dir, Sinks: []forward.SinkConfig{cfg}, Backoff: b.Backoff}, forward.Deps{
		Journal: b.Journal, Ledger: points, Health: b.Health, Logger: slog.New(slog.DiscardHandler),
		Format: func(string) (forward.Formatter, error) { return forward.Formatter{Record: forward.AppendRecord}, nil },
		Filter: func(string) (func(*audit.Record) bool, error) {
			return func(r *audit.Record) bool { return len(r.ID)%2 == 0 }, nil
		},
		Open: func(ctx context.Context, _ string) (forward.Sink, error) { return open(ctx) },
	})
	if err != nil {
		b.tb.Fatal(err)
	}
	return f
}

// Start runs a forwarder; what it returns stops it, as a process that ends does, and closes it.
func (b *Bench) Start(f *forward.Forwarder) (stop func()) {
	b.tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	return func() {
		cancel()
		if err := errors.Join(<-done, f.Close()); err != nil {
			b.tb.Error(err)
		}
	}
}

// Until waits for something to become true.
func Until(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			tb.Fatalf("gave up waiting until %s", what)
		case <-tick.C:
		}
	}
}

// Caught reports whether the sink has everything up to a position, by the state file.
func Caught(tb testing.TB, f *forward.Forwarder, seq uint64) func() bool {
	return func() bool {
		list, err := f.Status(context.Background())
		if err != nil {
			tb.Fatal(err)
		}
		return list[0].LastSeq >= seq && list[0].BackfillTo == 0
	}
}

// none is a ledger that signs nothing.
type none struct{}

func (none) Wait(ctx context.Context, _ uint64) (ledger.Checkpoint, error) {
	<-ctx.Done()
	return ledger.Checkpoint{}, ctx.Err()
}
