package ocsf_test

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/forward/ocsf"
)

func BenchmarkAppend(b *testing.B) {
	list := corpus(b)
	var dst []byte
	bytes := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		dst, _ = ocsf.Append(dst[:0], uint64(i), list[i%len(list)])
		bytes += len(dst)
	}
	b.ReportMetric(float64(bytes)/float64(b.N), "B/event")
}
