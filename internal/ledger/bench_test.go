package ledger_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// endless brings prepared batches of a thousand records.
type endless struct {
	batch []journal.Stored
	next  uint64
	until uint64
}

func (e *endless) Next(ctx context.Context) ([]journal.Stored, error) {
	if e.next > e.until {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for i := range e.batch {
		e.batch[i].Seq = e.next
		e.next++
	}
	return append([]journal.Stored(nil), e.batch...), nil
}

// BenchmarkRun is a leaf from the follower to a durable checkpoint, files and syncs included.
func BenchmarkRun(b *testing.B) {
	const leaves = 500_000
	for b.Loop() {
		b.StopTimer()
		l, err := ledger.Open(b.Context(), b.TempDir(), ledger.Options{Journal: commitments{}})
		if err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		f := &endless{batch: make([]journal.Stored, 1000), next: 1, until: leaves}
		for i := range f.batch {
			f.batch[i].Commitment = commitments{}.commitment(uint64(i))
		}
		b.StartTimer()
		go func() { ended <- l.Run(ctx, f) }()
		if _, err := l.Wait(ctx, leaves); err != nil {
			b.Fatal(err)
		}
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(leaves*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
	b.ReportMetric(0, "ns/op")
}

// typical makes a record of about a kilobyte that compresses as real ones do.
func typical(r *rand.Rand, seq int) journal.Entry {
	id := func() string {
		var b [16]byte
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return hex.EncodeToString(b[:])
	}
	user := r.IntN(200)
	n := int64(seq)
	return entry(&audit.Record{
		ID: id(), Normaliser: "otlp/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityToolResult,
		Type: "claude_code.tool_result", Outcome: audit.OutcomeSuccess, Observed: time.Unix(1_700_000_000+n, 0).UTC(),
		Account: audit.Account{
			Asserted: audit.Identity{User: fmt.Sprintf("user_%024d", user), Email: fmt.Sprintf("person%d@example.com", user), Org: id()},
			Proved:   audit.Identity{Credential: "fleet-" + strconv.Itoa(user%7)},
		},
		Keys: audit.Keys{Session: id(), Prompt: id(), Request: "req_" + id()[:24], ToolUse: "toolu_" + id()[:24]},
		Tool: "Bash", Model: "claude-opus-4-5", IP: fmt.Sprintf("10.1.%d.%d", user/256, user%256), Sequence: &n, Duration: n * 1000,
		Service: audit.Service{Name: "claude-code", Version: "2.1.330", Scope: "com.anthropic.claude_code.events"},
		Attributes: audit.Attrs{
			{Name: "event.name", Value: audit.String("tool_result")}, {Name: "duration_ms", Value: audit.Int(int64(r.IntN(10_000)))},
			{Name: "tool_result_size_bytes", Value: audit.Int(int64(r.IntN(100_000)))}, {Name: "success", Value: audit.String("true")},
			{Name: "decision_source", Value: audit.String("config")}, {Name: "decision_type", Value: audit.String("accept")},
			{Name: "terminal.type", Value: audit.String("vscode")}, {Name: "app.version", Value: audit.String("2.1.330")},
		},
		Content: []audit.Content{{Name: "tool_parameters", Class: audit.ClassDetail, Kind: "string", Bytes: r.IntN(500), Address: id() + id()}},
	})
}

// BenchmarkVerify reads, decodes, hashes and compares a whole journal of records of about a kilobyte.
func BenchmarkVerify(b *testing.B) {
	const frames, each = 300, 1000
	dir := b.TempDir()
	p := startPair(b, dir)
	r := rand.New(rand.NewPCG(1, 1))
	bytes := 0
	for f := range frames {
		batch := journal.Batch{Entries: make([]journal.Entry, each)}
		for i := range batch.Entries {
			batch.Entries[i] = typical(r, f*each+i)
			bytes += len(batch.Entries[i].Bytes)
		}
		if _, err := p.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := p.ledger.Wait(b.Context(), frames*each); err != nil {
		b.Fatal(err)
	}
	p.stop()
	for b.Loop() {
		if report := verify(b, dir, ledger.VerifyOptions{Key: p.ledger.Key()}); !report.Verified || report.Records != frames*each {
			b.Fatalf("report = %+v", report)
		}
	}
	b.ReportMetric(frames*each*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(bytes)/(frames*each), "bytes/record")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkProve makes a proof from the tiles of a ledger of a million leaves.
func BenchmarkProve(b *testing.B) {
	const leaves = 1_000_000
	dir := b.TempDir()
	l, err := ledger.Open(b.Context(), dir, ledger.Options{Journal: commitments{}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	f := &endless{batch: make([]journal.Stored, 1000), next: 1, until: leaves}
	go func() { ended <- l.Run(ctx, f) }()
	if _, err := l.Wait(ctx, leaves); err != nil {
		b.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		if _, err := ledger.Prove(b.Context(), dir, 1+r.Uint64N(leaves)); err != nil {
			b.Fatal(err)
		}
	}
}
