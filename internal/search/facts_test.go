package search_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/search"
)

// fill sets every string field of a record to something odd, or to nothing.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if r.IntN(3) > 0 {
			v.SetString([]string{"plain", "Ünal", `quo"te`, `back\slash`, "new\nline", "{[,:]}", strings.Repeat("é", 200), "\x80"}[r.IntN(8)])
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(r.Int64N(1<<34), r.Int64N(1e9)).UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(r, v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 3))
			for i := range v.Len() {
				fill(r, v.Index(i))
			}
		}
	}
}

func randomRecord(r *rand.Rand) *audit.Record {
	rec := new(audit.Record)
	fill(r, reflect.ValueOf(rec).Elem())
	rec.Version = audit.SchemaVersion
	rec.Attributes = audit.Attrs{{Name: `"}],{`, Value: audit.String(`\"source\":"x"`)}, {Name: "source", Value: audit.Array(audit.Int(1), audit.String("]"))}, {Name: "position", Value: audit.Int(7)},
		{Name: "commitment", Value: audit.String(strings.Repeat("0a", 32))}}
	rec.Parts = []audit.Part{{Kind: "point", Attributes: rec.Attributes}}
	rec.Content = []audit.Content{{Name: "tool", Class: audit.ClassText}}
	if r.IntN(4) == 0 {
		rec.Source, rec.Activity, rec.Type = audit.SourceTripod, audit.ActivityErasure, audit.TypeEraseRecord
	}
	return rec
}

var ignoreScratch = cmpopts.IgnoreUnexported(search.Facts{})

// TestReadEqualsExtract: reading facts from bytes gives what decoding the record and extracting them gives.
func TestReadEqualsExtract(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var got search.Facts // used again and again
	for range 500 {
		b := randomRecord(r).AppendCanonical(nil)
		rec, err := audit.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		var want search.Facts
		want.Extract(rec)
		if err := got.Read(b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, ignoreScratch, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("facts of %s (-decoded +read):\n%s", b, diff)
		}
	}
}

// TestErasureOrders: read from bytes, an order is an order where audit.ErasureOrders says so.
func TestErasureOrders(t *testing.T) {
	t.Parallel()
	whole := audit.Attrs{{Name: "commitment", Value: audit.String(strings.Repeat("0a", 32))}, {Name: "position", Value: audit.Int(7)}}
	many := audit.ErasureAttrs([]audit.Ordered{{Position: 3}, {Position: 9}})
	for _, rec := range []audit.Record{
		{Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecord, Attributes: whole},
		{Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecord, Attributes: whole[:1]},
		{Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecord, Attributes: whole[1:]},
		{Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecord},
		{Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseCompleted, Attributes: whole},
		{Source: audit.SourceTripod, Activity: audit.ActivityOperation, Type: audit.TypeEraseRecord, Attributes: whole},
		{Source: audit.SourceOTelLog, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecord, Attributes: whole},
		{Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecords, Attributes: many},
		{Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecords, Attributes: many[:1]},
		{Source: audit.SourceOTelLog, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecords, Attributes: many},
	} {
		rec.Version = audit.SchemaVersion
		var f search.Facts
		if err := f.Read(rec.AppendCanonical(nil)); err != nil {
			t.Fatal(err)
		}
		var want []uint64
		for _, o := range audit.ErasureOrders(&rec) {
			want = append(want, o.Position)
		}
		if !slices.Equal(f.Erases, want) {
			t.Errorf("%s %s %s with %d attributes: erases %d, want %d", rec.Source, rec.Activity, rec.Type, len(rec.Attributes), f.Erases, want)
		}
	}
}

// TestReadIsFast makes sure that ordinary records take the short way: no allocation but the copy of the bytes.
func TestReadIsFast(t *testing.T) {
	b := []byte(`{"v":1,"id":"x","source":"otel.log","surface":"claude_code","activity":"prompt","type":"user_prompt","outcome":"success",` +
		`"occurred":"2026-11-23T07:45:50.802Z","recorded":"2026-11-23T07:45:55.8Z","account":{"asserted":{"email":"dana@example.com"}},` +
		`"keys":{"session":"s"},"attributes":{"a":"b \" c","n":[1,{"x":null}]},"flags":["truncated"]}`)
	var f search.Facts
	if allocs := testing.AllocsPerRun(100, func() {
		if err := f.Read(b); err != nil {
			t.Fatal(err)
		}
	}); allocs > 4 {
		t.Errorf("%v allocations a record", allocs)
	}
}

func TestRowTime(t *testing.T) {
	t.Parallel()
	occurred, recorded := time.Date(2026, 11, 1, 0, 0, 0, 1_999_999, time.FixedZone("", 3600)), time.Date(2026, 11, 23, 0, 0, 0, 5, time.UTC)
	for _, tc := range []struct {
		name  string
		rec   audit.Record
		want  string
		flags []string
	}{
		{"occurred, in UTC, cut", audit.Record{Occurred: occurred, Recorded: recorded}, "2026-10-31T23:00:00.001Z", nil},
		{"absurd", audit.Record{Occurred: occurred, Recorded: recorded}, "2026-11-23T00:00:00Z", []string{audit.FlagClockAbsurd}},
		{"none", audit.Record{Occurred: occurred, Recorded: recorded}, "2026-11-23T00:00:00Z", []string{audit.FlagTruncated, audit.FlagNoTime}},
		{"zero", audit.Record{Recorded: recorded}, "2026-11-23T00:00:00Z", nil},
	} {
		tc.rec.Flags = tc.flags
		if got := search.RowTime(&tc.rec).Format(time.RFC3339Nano); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"v":1,"source":"tripod","activity":"erasure","type":"tripod.erase.record","attributes":{"commitment":"` + strings.Repeat("0a", 32) + `","position":7}}`))
	f.Add([]byte(`{"v":1,"source":"tripod","activity":"erasure","type":"tripod.erase.record","attributes":{"position":7}}`))
	f.Add([]byte(`{"v":1,"keys":{"session":"s"},"account":{"proved":{}},"flags":["a","b"],"parts":[{"x":"]"}]}`))
	f.Add([]byte(`{"v":1,"type":"a\"b","flags":[],"sequence":1}`))
	f.Add(randomRecord(rand.New(rand.NewPCG(3, 4))).AppendCanonical(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got search.Facts
		err := got.Read(b)
		rec, decodeErr := audit.Decode(b)
		if decodeErr != nil || !json.Valid(b) || string(rec.AppendCanonical(nil)) != string(b) {
			return // whatever it is, no journal holds it
		}
		if err != nil {
			t.Fatalf("read %s: %v", b, err)
		}
		var want search.Facts
		want.Extract(rec)
		if diff := cmp.Diff(want, got, ignoreScratch, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("facts of %s (-decoded +read):\n%s", b, diff)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	r := randomRecord(rand.New(rand.NewPCG(5, 6)))
	*r = audit.Record{Version: 1, ID: strings.Repeat("0", 32), Source: "otel.log", Surface: "claude_code", Activity: "prompt", Type: "user_prompt", Outcome: "success",
		Occurred: time.Now(), Recorded: time.Now(), Account: audit.Account{Asserted: audit.Identity{Email: "dana@example.com", Org: "org", UUID: strings.Repeat("a", 36)}},
		Keys: audit.Keys{Session: strings.Repeat("b", 36), Prompt: strings.Repeat("c", 36)}, Attributes: audit.Attrs{{Name: "x", Value: audit.String(strings.Repeat("y", 400))}}}
	bytes := r.AppendCanonical(nil)
	var f search.Facts
	for b.Loop() {
		if err := f.Read(bytes); err != nil {
			b.Fatal(err)
		}
	}
}
