package detector_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/policy/detector"
)

// typical is so much of what people and tools send: source code, prose, JSON, logs.
func typical(tb testing.TB, size int) string {
	tb.Helper()
	var b strings.Builder
	r := rand.New(rand.NewPCG(9, 9))
	files, err := filepath.Glob("*.go")
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; b.Len() < size; i++ {
		code, err := os.ReadFile(files[i%len(files)])
		if err != nil {
			tb.Fatal(err)
		}
		b.Write(code[:min(len(code), 3000)])
		for range 12 {
			fmt.Fprintf(&b, "2026-11-23T17:%02d:%02d.%06dZ INFO request id=%016x path=/v1/things/%d status=200 duration_ms=%d\n", r.IntN(60), r.IntN(60), r.IntN(1e6), r.Uint64(), r.IntN(1e5), r.IntN(900))
			fmt.Fprintf(&b, `{"id":"%016x%016x","name":"thing %d","tags":["a","b"],"price":%d.%02d,"note":"as agreed with the team on Monday"}`+"\n", r.Uint64(), r.Uint64(), r.IntN(1e4), r.IntN(1e3), r.IntN(100))
		}
		b.WriteString("The reader of these lines will find that most of what is written is prose, with a name here and there, a date such as 12 May 2026, and nothing to hide.\n")
	}
	return b.String()[:size]
}

func BenchmarkScan(b *testing.B) {
	s := newSet(b, detector.Config{})
	for _, size := range []int{2 << 10, 50 << 10, 1 << 20} {
		text := typical(b, size)
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				s.Scan(text)
			}
		})
	}
}

// BenchmarkHashed is the same with a dictionary of hashes of one or two words.
func BenchmarkHashed(b *testing.B) {
	s := newSet(b, configured())
	text := typical(b, 50<<10)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s.Scan(text)
	}
}

// BenchmarkHostile scans texts made to be slow.
func BenchmarkHostile(b *testing.B) {
	s := newSet(b, detector.Config{})
	for name, unit := range hostile() {
		text := strings.Repeat(unit, 50<<10/len(unit))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				s.Scan(text)
			}
		})
	}
}

// hostile are what texts are made of that call as many judges as can be.
func hostile() map[string]string {
	return map[string]string{
		"ats": "a@", "addresses": "a@b.cc ", "digits": "4", "numbers": "4111 1111 ", "ones": "1 ", "plus": "+1 ", "keys": " sk-", "akia": "AKIA ", "password": "password=", "secret": "secret: ", "pem": "-----BEGIN ",
		"eyj": " eyJ", "urls": "a://", "ignore": "ignore all ", "donot": "do not ", "curl": "curl -", "images": "![", "cyrillic": "\u0430a", "zero": "a\u200b", "born": "born 12 ", "iban": "DE89 ", "ctx": "ssn 1 ", "a": "A", "path": "patpat ", "slash": "hvs.",
	}
}

// BenchmarkExpressions is what the same 50 KB cost when only sixteen plain expressions are tried on all of it.
func BenchmarkExpressions(b *testing.B) {
	text := typical(b, 50<<10)
	var list []*regexp.Regexp
	for _, e := range []string{`AKIA[A-Z2-7]{16}`, `gh[pousr]_[A-Za-z0-9]{36}`, `xox[abp]-[A-Za-z0-9-]{24,}`, `sk_live_[A-Za-z0-9]{24}`, `AIza[A-Za-z0-9_-]{35}`, `[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`,
		`\b\d{3}-\d{2}-\d{4}\b`, `\b(?:\d[ -]?){13,19}\b`, `\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b`, `(?i)password\s*[:=]\s*\S+`, `(?i)api[_-]?key\s*[:=]\s*\S+`, `eyJ[\w-]+\.[\w-]+\.[\w-]+`, `-----BEGIN [A-Z ]+-----`,
		`https?://[^\s]+`, `(?i)bearer\s+\S+`, `\b\d{1,3}(?:\.\d{1,3}){3}\b`} {
		list = append(list, regexp.MustCompile(e))
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for _, e := range list {
			e.FindAllStringIndex(text, -1)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := detector.New(detector.Config{}); err != nil {
			b.Fatal(err)
		}
	}
}
