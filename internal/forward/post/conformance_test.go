package post_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/forwardtest"
	"github.com/tripod-audit/tripod/internal/simulate/siem"
)

// small makes many batches of few records.
type small struct{ forward.Sink }

func (s small) Limits() forward.Limits {
	l := s.Sink.Limits()
	l.Items, l.Linger = 40, 0
	return l
}

// receiver is one of the vendors under the suite. Each time a sink is opened, connections end and Splunk starts anew.
type receiver struct {
	t *testing.T
	b *bench
	k kind
}

func (r *receiver) Open(context.Context) (forward.Sink, error) {
	r.b.siem.Restart()
	r.b.server.CloseClientConnections()
	s, err := r.k.open(r.t, r.b, r.b.file(r.t, "credential", r.k.secret(r.b)))
	if err != nil {
		return nil, err
	}
	return small{s}, nil
}

func (r *receiver) Received(context.Context) (ids []string, err error) {
	held := r.b.siem.Held(r.k.vendor)
	for _, name := range slices.Sorted(maps.Keys(held)) {
		for range held[name].Times {
			ids = append(ids, id(name))
		}
	}
	return ids, nil
}

// TestConformance forwards a journal to each receiver while both sides and the way between fail.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("six journals, and TLS at each restart")
	}
	t.Parallel()
	for name, k := range kinds() {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			rates := siem.Faults{
				siem.Busy: 0.05, siem.Unavailable: 0.03, siem.TooLarge: 0.05, siem.Unauthorized: 0.03, siem.Reset: 0.05, siem.Lost: 0.05, siem.Half: 0.05, siem.Slow: 0.03,
				siem.ItemBusy: 0.1,
			}
			if k.vendor == siem.SplunkAck {
				rates[siem.Drop] = 0.05
			}
			suite := forwardtest.Suite{Records: 1200, Restarts: 2, Once: k.vendor == siem.Elastic}
			forwardtest.Run(t, suite, func(t *testing.T) forwardtest.Receiver {
				o := siem.Options{Seed: 3, SlowBy: time.Millisecond, Faults: rates, IDsOnly: true}
				if strings.Contains(t.Name(), "probe") {
					o.Faults = nil // a probe is sent once
				}
				return &receiver{t, newBench(t, o), k}
			})
		})
	}
}
