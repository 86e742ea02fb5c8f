package recorder_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
)

// BenchmarkExchange notes whole exchanges of about 50 KB each as fast as they come, and waits for all at the end.
func BenchmarkExchange(b *testing.B) {
	body := fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":%q},{"role":"assistant","content":"ok"},{"role":"user","content":"go on"}],"system":%q,"tools":[{"name":"Bash","description":%q}]}`,
		strings.Repeat("a prompt of some words\n", 900), strings.Repeat("an instruction\n", 1000), strings.Repeat("what the tool does\n", 800))
	reply := `{"id":"msg","content":[{"type":"text","text":"` + strings.Repeat("an answer of words ", 100) + `"}],"usage":{"input_tokens":1}}`
	for _, same := range []bool{true, false} {
		b.Run(fmt.Sprintf("known=%v", same), func(b *testing.B) {
			bench := newBench(b)
			r, stop := bench.run(recorder.Config{})
			memory := messages.NewMemory(64 << 20)
			b.SetBytes(int64(len(body)))
			for i := 0; b.Loop(); i++ {
				session := "s"
				if !same {
					session = fmt.Sprint("s", i)
				}
				req, err := memory.Read(session, []byte(body))
				if err != nil {
					b.Fatal(err)
				}
				x := r.Open(opening(head(session)))
				x.Asked(req, int64(len(body)), nil)
				x.Answered(200, nil)
				x.End(recorder.Ending{How: "complete", Reply: readReply(b, reply)})
				if i%64 == 63 { // no faster than it can be written
					if err := x.Durable(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := stop(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(bench.counter("tripod_gateway_lost_exchanges_total"), "lost")
		})
	}
}
