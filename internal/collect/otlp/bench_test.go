package otlp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tripod-audit/tripod/internal/collect/otlp"
)

// BenchmarkHTTP receives over loopback with a door that keeps nothing: what the receiver itself costs, client included.
func BenchmarkHTTP(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r := start(b, otlp.Config{})
			r.door.forget = true
			r.client.Transport = &http.Transport{MaxIdleConnsPerHost: 16}
			one, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs([]byte(fixture(b, "files-full-0001-logs.pb")))
			if err != nil {
				b.Fatal(err)
			}
			records := one.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
			for i := 0; records.Len() < size; i++ {
				records.At(i).CopyTo(records.AppendEmpty())
			}
			i := 0
			records.RemoveIf(func(plog.LogRecord) bool { i++; return i > size })
			body, err := (&plog.ProtoMarshaler{}).MarshalLogs(one)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if res, err := r.tryPost(b.Context(), "/v1/logs", protobuf, strings.NewReader(string(body))); err != nil || res.code != http.StatusOK {
						b.Error(res.code, err)
					}
				}
			})
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
