package llmgateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/policy"
)

// BenchmarkJudge judges the last turn of conversations with the starter rules, in enforce mode: every block of it, most of
// which were judged before.
func BenchmarkJudge(b *testing.B) {
	cfg := policy.DefaultConfig()
	cfg.Mode = policy.Enforce
	e, err := policy.New(cfg, policy.Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	stats, err := newStats(nil, func() float64 { return 0 })
	if err != nil {
		b.Fatal(err)
	}
	rec, err := recorder.New(recorder.Config{}, recorder.Deps{Door: sink{}, Cursors: sink{}})
	if err != nil {
		b.Fatal(err)
	}
	for _, turns := range []int{1, 20, 200} {
		var body strings.Builder
		body.WriteString(`{"model":"m","messages":[`)
		for i := range turns {
			fmt.Fprintf(&body, `{"role":"user","content":"turn %d: %s"},{"role":"assistant","content":[{"type":"tool_use","id":"t%d","name":"Read","input":{"path":"x"}}]},`+
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t%d","content":"%s %d"}]},`, i, strings.Repeat("words and more words ", 20), i, i, strings.Repeat("a line of a file\\n", 60), i)
		}
		body.WriteString(`{"role":"user","content":"go on"}]}`)
		req, err := messages.Read([]byte(body.String()))
		if err != nil {
			b.Fatal(err)
		}
		x := &exchange{g: &Gateway{engine: e, stats: stats, clean: newClean()}, enforce: true, header: http.Header{}, rec: rec.Open(recorder.Opening{Route: string(routeMessages)})}
		for i := range req.Blocks[:len(req.Blocks)-1] {
			req.Blocks[i].Known = true
		}
		b.Run(fmt.Sprintf("%d turns", turns), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.judge(context.Background(), req, true)
			}
		})
	}
}
