package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// signal is one of the three kinds of exports.
type signal string

const (
	logs    signal = "logs"
	metrics signal = "metrics"
	traces  signal = "traces"
)

// result is what became of a request: the answer in each transport follows from it, and metrics count it.
type result string

const (
	accepted        result = "ok"
	unavailable     result = "unavailable" // not durable: the client should try again
	busy            result = "busy"        // too much in flight: likewise
	tooLarge        result = "too_large"
	notOTLP         result = "not_otlp"
	unauthenticated result = "unauthenticated"
	forbidden       result = "forbidden"
	unsupported     result = "unsupported" // encoding, method or path
	interrupted     result = "interrupted" // the client broke off before it had sent everything
	internal        result = "internal"
)

// refusal is a request that was not accepted. Its text goes to the client and holds nothing the client sent.
type refusal struct {
	result result
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(res result, format string, args ...any) *refusal {
	return &refusal{result: res, text: fmt.Sprintf(format, args...)}
}

// submitTime bounds how long an export may wait to become durable.
const submitTime = 30 * time.Second

// ingest takes one export in: nil means that all of it is durable.
func (r *Receiver) ingest(ctx context.Context, sig signal, enc wire.Encoding, body string, who credential.Holder, s *share) (out *refusal) {
	defer func() {
		if p := recover(); p != nil { // a bug of ours must not take the gRPC server and everybody's exports with it
			r.log.ErrorContext(ctx, "otlp export failed inside", slog.String("signal", string(sig)), slog.String("stack", string(debug.Stack())))
			out = refuse(internal, "this export hit a bug in the receiver")
		}
	}()
	drafts, err := r.drafts(ctx, sig, enc, body, who, s)
	var full *refusal
	switch {
	case errors.As(err, &full):
		return full
	case errors.Is(err, wire.ErrTooMany):
		return refuse(tooLarge, "%s: send smaller batches", wire.ErrTooMany)
	case err != nil:
		r.notOTLP(ctx, sig, who)
		return refuse(notOTLP, "%s", err)
	case len(drafts) == 0:
		return nil
	}
	sum := tally(sig, drafts) // the door owns them from here on
	// The client may go away now that all it had is here; its records are evidence all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), submitTime)
	defer cancel()
	receipt, err := r.door.Submit(ctx, intake.Delivery{Credential: who.Credential, Drafts: delivery(drafts)})
	if err != nil {
		r.health.Raise("otlp.unavailable", health.Critical, "exports are answered with 503, because they cannot be made durable: "+
			"clients try again for seconds, then drop them; look for the journal's and content store's own conditions")
		r.log.WarnContext(ctx, "otlp export is not durable; the client should try again", slog.String("signal", string(sig)), slog.Any("err", err))
		return refuse(unavailable, "not durable, send it again")
	}
	r.health.Clear("otlp.unavailable")
	r.stats.took(sum, receipt.Duplicates)
	return nil
}

// mostShared bounds what the records of one export may take for what they share (see wire.Shared). It is 12 KiB for each
// of as many records as an export may hold; resources have 1 to 4 KiB.
const mostShared = 256 << 20

func (r *Receiver) drafts(ctx context.Context, sig signal, enc wire.Encoding, body string, who credential.Holder, s *share) ([]normalise.Draft, error) {
	o := normalise.Origin{
		Credential: who.Credential, Proved: who.Proved, Surface: who.Surface, IP: who.IP, Received: time.Now(),
	}
	switch sig {
	case logs:
		groups, err := wire.DecodeLogs(body, enc, r.cfg.RequestLimit)
		if err == nil {
			err = r.makeRoom(ctx, wire.Shared(groups), s)
		}
		if err != nil {
			return nil, err
		}
		return r.norm.Logs(groups, o), nil
	case metrics:
		groups, err := wire.DecodeMetrics(body, enc, r.cfg.RequestLimit)
		if err == nil {
			err = r.makeRoom(ctx, wire.SharedMetrics(groups, normalise.PointsPerRecord), s)
		}
		if err != nil {
			return nil, err
		}
		return r.norm.Metrics(groups, o), nil
	}
	groups, err := wire.DecodeTraces(body, enc, r.cfg.RequestLimit)
	if err == nil {
		err = r.makeRoom(ctx, wire.Shared(groups), s)
	}
	if err != nil {
		return nil, err
	}
	return r.norm.Spans(groups, o), nil
}

// makeRoom takes room among the bytes in flight for what records say again, or refuses an export in which that is too
// much. One that takes more than all the room there is has it for itself.
func (r *Receiver) makeRoom(ctx context.Context, shared int64, s *share) error {
	if shared > mostShared {
		return refuse(tooLarge, "too many records share a resource or scope this large: send smaller batches")
	}
	if out := s.grow(ctx, min(s.held+shared, r.cfg.MaxInFlight)); out != nil {
		return out
	}
	return nil
}

// delivery hands drafts over in the door's own types, which the normaliser does not import: they come with a database.
func delivery(drafts []normalise.Draft) []intake.Draft {
	total := 0
	for i := range drafts {
		total += len(drafts[i].Pieces)
	}
	out := make([]intake.Draft, len(drafts))
	pieces := make([]intake.Piece, 0, total)
	for i := range drafts {
		d := &drafts[i]
		start := len(pieces)
		for k := range d.Pieces {
			pieces = append(pieces, intake.Piece(d.Pieces[k]))
		}
		out[i] = intake.Draft{Record: d.Record, Pieces: pieces[start:len(pieces):len(pieces)], Form: d.Form}
	}
	return out
}

// calmAfter is how many accepted exports put a complaint about a bad one to rest.
const calmAfter = 1000

// notOTLP states that a client sent what is no OTLP, and will have dropped it.
func (r *Receiver) notOTLP(ctx context.Context, sig signal, who credential.Holder) {
	r.stats.sinceBad.Store(0)
	r.health.Raise("otlp.refused", health.Warning, "a client sends what is no OTLP, and drops it when it is refused: see the log for its "+
		"address and credential, and tripod_otlp_requests_total for how often")
	r.log.WarnContext(ctx, "refused an export that is no OTLP", slog.String("signal", string(sig)), slog.String("credential", who.Credential), slog.String("ip", who.IP))
}

// answered counts a request.
func (r *Receiver) answered(ctx context.Context, transport string, sig signal, out *refusal, began time.Time) {
	res := accepted
	if out != nil {
		res = out.result
	}
	if res == unauthenticated {
		r.denials.Note(ctx, time.Now())
	}
	r.stats.requests.WithLabelValues(transport, string(sig), string(res)).Inc()
	r.stats.seconds.WithLabelValues(transport).Observe(time.Since(began).Seconds())
	if out == nil && r.stats.sinceBad.Add(1) == calmAfter {
		r.health.Clear("otlp.refused")
	}
}
