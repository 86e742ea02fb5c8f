package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Types of the records that orders about forwarding leave.
const (
	typeRedrive  = "tripod.forward.redrive"
	typeBackfill = "tripod.forward.backfill"
	typeProbe    = "tripod.forward.probe"
)

// ForwardOrder is what somebody wants of a sink.
type ForwardOrder struct {
	Do   string   `json:"do"` // redrive, backfill, probe
	Sink string   `json:"sink"`
	IDs  []string `json:"ids,omitempty"`  // of dead letters to redrive; none: all
	From string   `json:"from,omitempty"` // of a back-fill
}

// ForwardAnswer is what came of it.
type ForwardAnswer struct {
	Sink   string               `json:"sink"`
	Marked int64                `json:"marked,omitempty"` // dead letters that are sent again
	First  uint64               `json:"first,omitempty"`  // positions of a back-fill
	Last   uint64               `json:"last,omitempty"`
	Probe  *forward.ProbeResult `json:"probe,omitempty"`
	Later  bool                 `json:"later,omitempty"` // no serve runs here: it is carried out by the next
}

// probeTime is how long a probe is looked for.
const probeTime = 30 * time.Second

// ErrNeedsServe says that a command is carried out by a running serve alone.
var ErrNeedsServe = errors.New("needs a running serve, whose connection to the sink it tries")

// Forward carries an order out: by the serve that runs on a data directory, else with the journal's lock.
func Forward(ctx context.Context, dir string, o ForwardOrder) (a ForwardAnswer, err error) {
	if err := mustExist(dir); err != nil {
		return a, err
	}
	if err := ask(ctx, dir, "/v1/forward", o, &a); !errors.Is(err, errNoServe) {
		return a, err
	}
	if o.Do == "probe" {
		return a, fmt.Errorf("forward probe: %w: start tripod serve", ErrNeedsServe)
	}
	t, by, err := openTruthFor(ctx, TruthOptions{Dir: dir}, "forward "+o.Do)
	if err != nil {
		return a, err
	}
	a, err = t.forwardLater(ctx, o, by.Identity())
	return a, errors.Join(err, t.Close(ctx))
}

func (t *Truth) forwardLater(ctx context.Context, o ForwardOrder, by audit.Identity) (a ForwardAnswer, err error) {
	if t.Refused != nil {
		return a, t.Refused
	}
	a.Sink, a.Later = o.Sink, true
	switch o.Do {
	case "redrive":
		a.Marked, err = forward.RedriveLater(ctx, t.dir, o.Sink, o.IDs)
	case "backfill":
		a.First, a.Last, err = forward.BackfillLater(ctx, t.dir, t.Journal.Reader(), o.Sink, o.From)
	default:
		err = fmt.Errorf("forwarding is not for %q", o.Do)
	}
	if err != nil {
		return a, err
	}
	return a, t.recordForward(ctx, o, a, by)
}

// recordForward puts an order that was carried out on record.
func (t *Truth) recordForward(ctx context.Context, o ForwardOrder, a ForwardAnswer, by audit.Identity) error {
	act := intake.Act{Activity: audit.ActivityOperation, Account: by, Attributes: audit.Attrs{audit.TextAttr("sink", o.Sink)}}
	count := func(name string, n uint64) {
		act.Attributes = append(act.Attributes, audit.CountAttr(name, int64(min(n, 1<<62))))
	}
	switch o.Do {
	case "redrive":
		act.Type = typeRedrive
		count("marked", uint64(a.Marked))
	case "backfill":
		act.Type = typeBackfill
		count("first", a.First)
		count("last", a.Last)
	case "probe":
		act.Type = typeProbe
		act.Attributes = append(act.Attributes, audit.TextAttr("item", a.Probe.ID))
		if !a.Probe.OK() {
			act.Outcome = audit.OutcomeFailure
		}
	}
	if _, err := t.Door.Record(ctx, act, nil); err != nil {
		return fmt.Errorf("it is done; record it: %w", err)
	}
	return nil
}

func serveForward(w http.ResponseWriter, r *http.Request, a *App) {
	var o ForwardOrder
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		http.Error(w, "forward: "+err.Error(), http.StatusBadRequest)
		return
	}
	if a.forwarding == nil {
		http.Error(w, "this serve forwards nothing: its configuration names no sink under forward.sinks", http.StatusConflict)
		return
	}
	by, _ := r.Context().Value(peerKey{}).(audit.Identity)
	answer, err := a.forwarding.carryOut(r.Context(), o, by)
	switch {
	case errors.Is(err, forward.ErrNoSink):
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func (f *forwarding) carryOut(ctx context.Context, o ForwardOrder, by audit.Identity) (a ForwardAnswer, err error) {
	a.Sink = o.Sink
	switch o.Do {
	case "redrive":
		a.Marked, err = f.Redrive(ctx, o.Sink, o.IDs)
	case "backfill":
		a.First, a.Last, err = f.Backfill(ctx, o.Sink, o.From)
	case "probe":
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		var p forward.ProbeResult
		p, err = f.Probe(ctx, o.Sink)
		a.Probe = &p
	default:
		err = fmt.Errorf("forwarding is not for %q", o.Do)
	}
	if err != nil {
		return a, err
	}
	return a, f.app.truth.recordForward(context.WithoutCancel(ctx), o, a, by)
}
