package normalise_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

const testdata = "../testdata/"

// received is when the fixtures are taken to arrive: soon after they were captured.
var received = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

var origin = normalise.Origin{Credential: "fleet", IP: "192.0.2.7", Received: received}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// export is one export request with its name and signal.
type export struct {
	name, signal string
	encoding     wire.Encoding
	body         string
}

// fixtures are all captured exports, in a stable order: scenarios whose protobuf was rendered as JSON, and raw bodies.
func fixtures(t testing.TB) []export {
	t.Helper()
	var all []export
	scenarios, _ := filepath.Glob(testdata + "otlp/*.json")
	raw, _ := filepath.Glob(testdata + "otlp-raw/*")
	if len(scenarios) == 0 || len(raw) == 0 {
		t.Fatal("no fixtures")
	}
	for _, path := range scenarios {
		var s struct {
			Exports []struct {
				Signal  string
				Decoded json.RawMessage
			}
		}
		if err := json.Unmarshal([]byte(read(t, path)), &s); err != nil {
			t.Fatal(err)
		}
		for _, e := range s.Exports {
			if e.Decoded[0] == '{' { // some are left out, with a remark in their place
				name := strings.TrimSuffix(filepath.Base(path), ".json")
				all = append(all, export{name, e.Signal, wire.JSON, string(e.Decoded)})
			}
		}
	}
	for _, path := range raw {
		name, ext, _ := strings.Cut(filepath.Base(path), ".")
		e := export{name: name + "-" + ext, signal: name[strings.LastIndexByte(name, '-')+1:], body: read(t, path)}
		if ext != "pb" {
			e.encoding = wire.JSON
		}
		all = append(all, e)
	}
	sort.SliceStable(all, func(i, k int) bool { return all[i].name < all[k].name })
	return all
}

// drafts decodes and normalises one export.
func drafts(t testing.TB, e export, o normalise.Origin) []normalise.Draft {
	t.Helper()
	d, err := decode(normalise.New(0), e, o)
	if err != nil {
		t.Fatalf("%s %s: %v", e.name, e.signal, err)
	}
	return d
}

func decode(n *normalise.Normaliser, e export, o normalise.Origin) ([]normalise.Draft, error) {
	switch e.signal {
	case "logs":
		g, err := wire.DecodeLogs(e.body, e.encoding, wire.Limits{})
		return n.Logs(g, o), err
	case "metrics":
		g, err := wire.DecodeMetrics(e.body, e.encoding, wire.Limits{})
		return n.Metrics(g, o), err
	}
	g, err := wire.DecodeTraces(e.body, e.encoding, wire.Limits{})
	return n.Spans(g, o), err
}
