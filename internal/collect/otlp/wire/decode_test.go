package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

const testdata = "../testdata/"

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// export is one captured export of a scenario, its protobuf rendered as JSON.
type export struct {
	Signal  string          `json:"signal"`
	Decoded json.RawMessage `json:"decoded"`
}

func exports(t testing.TB) map[string][]export {
	t.Helper()
	paths, err := filepath.Glob(testdata + "otlp/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	all := map[string][]export{}
	for _, p := range paths {
		var scenario struct{ Exports []export }
		if err := json.Unmarshal([]byte(read(t, p)), &scenario); err != nil {
			t.Fatal(err)
		}
		for _, e := range scenario.Exports {
			if e.Decoded[0] == '{' { // some are left out, with a remark in their place
				all[filepath.Base(p)] = append(all[filepath.Base(p)], e)
			}
		}
	}
	return all
}

func BenchmarkDecode(b *testing.B) {
	for name, enc := range map[string]wire.Encoding{"files-full-0001-logs.pb": wire.Protobuf, "hj-full-0001-logs.raw.json": wire.JSON} {
		b.Run(strings.TrimPrefix(filepath.Ext(name), "."), func(b *testing.B) {
			body := read(b, testdata+"otlp-raw/"+name)
			b.ReportAllocs()
			records := 0
			for b.Loop() {
				groups, err := wire.DecodeLogs(body, enc, wire.Limits{})
				if err != nil {
					b.Fatal(err)
				}
				records += len(groups[0].Scopes[0].Items)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
		})
	}
}
