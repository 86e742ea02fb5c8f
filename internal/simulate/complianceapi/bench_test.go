package complianceapi_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// BenchmarkFeed serves pages of 5,000 rows from a feed of a million: its share of a collector's bench on the same machine.
func BenchmarkFeed(b *testing.B) {
	now := noon()
	api, err := complianceapi.New(complianceapi.Options{
		World: world.New(world.Options{Seed: 7}), Now: func() time.Time { return now }, Since: now.AddDate(0, 0, -30), Volume: 33_000, Rate: -1,
	})
	if err != nil {
		b.Fatal(err)
	}
	query, rows := "limit=5000", 0
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodGet, "/v1/compliance/activities?"+query, nil)
		r.Header.Set("X-Api-Key", api.Keys().Read)
		w := httptest.NewRecorder()
		api.Handler().ServeHTTP(w, r)
		body := w.Body.String()
		query = "limit=5000&after_id=" + lastID(body)
		if lastID(body) == "" {
			query = "limit=5000"
		}
		rows += 5000
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapSys)/(1<<20), "MiB")
}

func lastID(body string) string {
	const name = `"last_id":"`
	i := len(body) - 1
	for ; i >= len(name) && body[i-len(name):i] != name; i-- {
		if len(body)-i > 600 {
			return ""
		}
	}
	return body[i : len(body)-2]
}
