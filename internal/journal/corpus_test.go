package journal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// The corpus resembles what a team's Claude Code clients send: testdata/templates.jsonl holds what a few sessions of the
// real client became, ids, times and numbers are made up anew for each simulated session and record.
var (
	idPattern     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,64}|(?:req|toolu)_[0-9a-zA-Z]+`)
	timePattern   = regexp.MustCompile(`20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]+)?Z`)
	numberPattern = regexp.MustCompile(`:[0-9]{3,9}\b`)
)

var templates = sync.OnceValue(func() []string {
	b, err := os.ReadFile("testdata/templates.jsonl")
	if err != nil {
		panic(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
})

// corpus makes n entries; the same seed makes the same.
func corpus(tb testing.TB, seed uint64, n int) []Entry {
	tb.Helper()
	lines := templates()
	r := rand.New(rand.NewPCG(seed, 1))
	type session struct {
		at    int
		ids   map[string]string
		shift time.Duration
	}
	sessions := make([]*session, 40)
	for i := range sessions {
		sessions[i] = &session{r.IntN(len(lines)), map[string]string{}, time.Duration(r.IntN(3600)) * time.Second}
	}
	out := make([]Entry, 0, n)
	for len(out) < n {
		s := sessions[r.IntN(len(sessions))]
		for range min(1+r.IntN(12), n-len(out)) {
			line := lines[s.at%len(lines)]
			s.at++
			if r.IntN(60) == 0 {
				s.ids = map[string]string{}
			}
			out = append(out, corpusEntry(tb, r, line, s.ids, s.shift))
		}
	}
	return out
}

func corpusEntry(tb testing.TB, r *rand.Rand, line string, ids map[string]string, shift time.Duration) Entry {
	fresh := func(alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	const hex, base58 = "0123456789abcdef", "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	line = idPattern.ReplaceAllStringFunc(line, func(id string) string {
		if _, ok := ids[id]; !ok {
			switch {
			case strings.Contains(id, "_"):
				ids[id] = id[:strings.Index(id, "_")+3] + fresh(base58, 22)
			case strings.Contains(id, "-"):
				ids[id] = strings.Join([]string{fresh(hex, 8), fresh(hex, 4), fresh(hex, 4), fresh(hex, 4), fresh(hex, 12)}, "-")
			default:
				ids[id] = fresh(hex, len(id))
			}
		}
		return ids[id]
	})
	line = timePattern.ReplaceAllStringFunc(line, func(s string) string {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			tb.Fatal(err)
		}
		return t.Add(shift + time.Duration(r.IntN(1000))*time.Millisecond).Format(time.RFC3339Nano)
	})
	line = numberPattern.ReplaceAllStringFunc(line, func(s string) string {
		return fmt.Sprintf(":%d", r.IntN(pow10(len(s)-1)))
	})
	record, err := audit.Decode([]byte(line))
	if err != nil {
		tb.Fatal(err)
	}
	record.ID = fresh(hex, 32)
	e := Entry{Record: record, Bytes: record.AppendCanonical(nil)}
	for i := range e.ID {
		e.ID[i] = byte(r.Uint32())
	}
	return e
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}
