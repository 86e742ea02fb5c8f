package correlate

import (
	"context"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// clocks finds devices whose clock is absurd (KindClock): one discrepancy per device and day of Tripod's own clock, since
// the device's own tells no day.
type clocks struct {
	tallies[clockKey]
}

type clockKey struct {
	source             audit.Source
	credential, device string
	service            string
	day                string
}

func (x *clocks) observe(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) error {
	if !r.HasFlag(audit.FlagClockAbsurd) {
		return nil
	}
	asserted := &r.Account.Asserted
	key := clockKey{r.Source, r.Account.Proved.Credential, asserted.Device, r.Service.Name, r.Recorded.UTC().Format(time.DateOnly)}
	byOurs := *r
	byOurs.Occurred = r.Recorded
	d, err := x.add(ctx, tx, key, &byOurs, seq, func() *Discrepancy {
		return &Discrepancy{
			ID:   discrepancyID(KindClock, string(key.source), key.credential, key.device, key.service, key.day),
			Kind: KindClock, Severity: SeverityLow, State: StateOpen, Credential: key.credential, Account: accountOf(asserted).orNil(),
			accountSeq: seq, Service: r.Service.Name, ServiceVersion: r.Service.Version,
		}
	})
	if err != nil {
		return fmt.Errorf("clocks: %w", err)
	}
	widen(&d.Details, r.Occurred.Sub(r.Recorded))
	return nil
}

// widen keeps the least and the greatest offset, to the second.
func widen(d *Details, offset time.Duration) {
	offset = offset.Truncate(time.Second)
	for _, bound := range []struct {
		text *string
		sign time.Duration
	}{{&d.OffsetMin, -1}, {&d.OffsetMax, 1}} {
		if known, err := time.ParseDuration(*bound.text); err != nil || bound.sign*offset > bound.sign*known {
			*bound.text = offset.String()
		}
	}
}

func (x *clocks) flush(ctx context.Context, tx *transaction) error {
	return x.tallies.flush(ctx, tx, func(d *Discrepancy) string {
		return fmt.Sprintf("%s of one device carried times more than a day ahead of Tripod's clock or a year behind it on %s",
			plural(d.Count, "record"), d.Recorded.Format(time.DateOnly))
	})
}

func (x *clocks) erase(_ context.Context, _ *transaction, seq uint64) error {
	x.tallies.erase(seq)
	return nil
}
