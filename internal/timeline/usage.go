package timeline

import (
	"math"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Usage is what model requests used, by the client's own count, or by that of the answer as the gateway saw it where no
// client told of the request. It is summed from the events of successful requests alone (api_request, else llm.end): spans
// and metrics tell of the same tokens again. What the client calls cost is its estimate; a gateway knows none
// (https://code.claude.com/docs/en/monitoring-usage).
type Usage struct {
	Requests      int // summed up here
	Input         int64
	Output        int64
	CacheRead     int64
	CacheCreation int64
	CostMicros    int64 // millionths of a US dollar
	Gateway       int   // of Requests, those that the gateway alone counted
	NotCounted    int   // requests known without such an event, as from a span alone: what they used is not in the sums
}

func (u *Usage) add(o Usage) {
	u.Requests += o.Requests
	u.Input = plus(u.Input, o.Input)
	u.Output = plus(u.Output, o.Output)
	u.CacheRead = plus(u.CacheRead, o.CacheRead)
	u.CacheCreation = plus(u.CacheCreation, o.CacheCreation)
	u.CostMicros = plus(u.CostMicros, o.CostMicros)
	u.Gateway += o.Gateway
	u.NotCounted += o.NotCounted
}

// plus adds what is not negative and stops at the largest number: a source may claim any.
func plus(a, b int64) int64 {
	if b < 0 {
		return a
	}
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// usageOf reads an event of a successful request.
func usageOf(r *audit.Record) Usage {
	n := func(name string) int64 {
		v, _ := r.Attributes.Get(name)
		i, _ := v.Int64()
		return max(i, 0)
	}
	u := Usage{Requests: 1, Input: n("input_tokens"), Output: n("output_tokens"), CacheRead: n("cache_read_tokens"),
		CacheCreation: n("cache_creation_tokens")}
	if byGateway(r) {
		u.Gateway = 1
	}
	if v, ok := r.Attributes.Get("cost_usd_micros"); ok {
		if i, ok := v.Int64(); ok {
			u.CostMicros = max(i, 0)
			return u
		}
	}
	if v, ok := r.Attributes.Get("cost_usd"); ok {
		if f, ok := v.Float64(); ok && f > 0 && f < 1e9 {
			u.CostMicros = int64(math.Round(f * 1e6))
		}
	}
	return u
}
