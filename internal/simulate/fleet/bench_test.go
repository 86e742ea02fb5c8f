package fleet_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// nowhere takes everything at once.
type nowhere struct{}

func (nowhere) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// BenchmarkHistory offers two days to a receiver that costs nothing: what the clients themselves do, the world's telling excluded.
func BenchmarkHistory(b *testing.B) {
	w := world.New(world.Options{Seed: 7})
	two := acts(w.Between(monday.AddDate(0, 0, -1), monday.AddDate(0, 0, 2)))
	records := 0
	for b.Loop() {
		f := newFleet(b, fleet.Config{World: two, Org: &w.Org, HTTP: "http://receiver.test", Transport: nowhere{}})
		r, err := f.History(b.Context(), monday, monday.AddDate(0, 0, 2))
		if err != nil {
			b.Fatal(err)
		}
		records += r.Records
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
}
