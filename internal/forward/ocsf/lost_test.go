package ocsf_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward/ocsf"
)

// read is what a reader of events gets back of a record.
type read struct {
	Time        int64
	SrcEndpoint struct{ IP string } `json:"src_endpoint"`
	Metadata    struct {
		UID          string
		OriginalUID  string `json:"original_event_uid"`
		EventCode    string `json:"event_code"`
		OriginalTime string `json:"original_time"`
		LogName      string `json:"log_name"`
		Sequence     uint64
		Labels       []string
	}
	Unmapped map[string]json.RawMessage
}

// regained puts a record together again out of an event: nothing of it may be lost.
func regained(t *testing.T, version string, event []byte) (seq uint64, r *audit.Record) {
	t.Helper()
	var e read
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatalf("%v\n%s", err, event)
	}
	r, err := audit.Decode(e.Unmapped["tripod"])
	if err != nil {
		t.Fatalf("%v\n%s", err, event)
	}
	r.ID, r.Type, r.Source, r.Flags = e.Metadata.UID, e.Metadata.EventCode, audit.Source(e.Metadata.LogName), e.Metadata.Labels
	if version != "1.6.0" {
		r.ID = e.Metadata.OriginalUID
	}
	if r.Occurred, err = time.Parse(time.RFC3339Nano, e.Metadata.OriginalTime); err != nil {
		t.Fatal(err)
	}
	if r.IP == "" {
		r.IP = e.SrcEndpoint.IP
	}
	for name, raw := range e.Unmapped {
		switch {
		case name == "tripod":
		case name == "actor" && r.Source == audit.SourceComplianceActivity:
			var actor map[string]json.RawMessage
			if err := json.Unmarshal(raw, &actor); err != nil {
				t.Fatal(err)
			}
			for name, raw := range actor {
				r.Attributes = append(r.Attributes, audit.Attr{Name: "actor." + name, Value: value(t, raw)})
			}
		default:
			r.Attributes = append(r.Attributes, audit.Attr{Name: name, Value: value(t, raw)})
		}
	}
	return e.Metadata.Sequence, r
}

func value(t *testing.T, raw []byte) (v audit.Value) {
	t.Helper()
	if err := v.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return v
}

// plain is a record by name, its attributes in no order: their order is not kept.
func plain(t *testing.T, r *audit.Record) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, a := range r.Attributes {
		m["attributes."+strings.ToValidUTF8(a.Name, "\ufffd")] = string(a.Value.AppendJSON(nil))
	}
	rest := *r
	rest.Attributes = nil
	m["rest"] = string(rest.AppendCanonical(nil))
	return m
}

// TestNothingIsLost writes events and puts the records together again.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	for version, write := range appends {
		for seq, r := range corpus(t) {
			event, err := write(nil, uint64(seq), r)
			if err != nil {
				t.Fatal(err)
			}
			position, got := regained(t, version, event)
			if position != uint64(seq) {
				t.Errorf("position %d became %d", seq, position)
			}
			if d := cmp.Diff(plain(t, r), plain(t, got)); d != "" {
				t.Fatalf("%s %s (-record +event):\n%s", r.Source, r.Type, d)
			}
		}
	}
}

// TestRandomRecords holds both promises over records nobody thought of.
func TestRandomRecords(t *testing.T) {
	t.Parallel()
	seen := corpus(t)
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		r := mixed(rng, seen)
		for version, write := range appends {
			event, err := write(nil, seed, r)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range ocsf.Validate(version, event) {
				t.Errorf("seed %d: %s %s: %s\n%s", seed, r.Source, r.Type, p, event)
			}
			if _, got := regained(t, version, event); !t.Failed() {
				if d := cmp.Diff(plain(t, r), plain(t, got)); d != "" {
					t.Errorf("seed %d (-record +event):\n%s", seed, d)
				}
			}
			if t.Failed() {
				return
			}
		}
	}
}

var texts = []string{"", "x", "dana@example.com", "a@b", "192.0.2.7", "fe80::1%eth0", "::ffff:192.0.2.1", "group", "true", "POST", "\x00\u2028\"\\", "ünal", "0", "-1",
	"high", "redact", "claude-code", "unknown", "user_01", "1e400", "0f0e", strings.Repeat("é", 200)}

// mixed makes a record of parts of others and of odd texts.
func mixed(rng *rand.Rand, seen []*audit.Record) *audit.Record {
	some := func() *audit.Record { return seen[rng.IntN(len(seen))] }
	text := func() string { return texts[rng.IntN(len(texts))] }
	r := *some()
	r.Attributes = nil
	used := map[string]bool{}
	for _, a := range some().Attributes {
		switch rng.IntN(4) {
		case 0:
			a.Value = audit.String(text())
		case 1:
			a.Value = audit.Array(audit.String(text()), audit.Value{}, audit.Int(rng.Int64()))
		}
		if !used[a.Name] {
			used[a.Name] = true
			r.Attributes = append(r.Attributes, a)
		}
	}
	for _, a := range []string{"tripod", "actor", "actor.user_agent", "target_type", "member_ids", "status", fmt.Sprint("x", rng.IntN(9))} {
		if rng.IntN(3) == 0 && !used[a] {
			used[a] = true
			r.Attributes = append(r.Attributes, audit.TextAttr(a, text()))
		}
	}
	id := func() audit.Identity {
		return audit.Identity{User: text(), UUID: text(), Email: text(), Subject: text(), Org: text(), Key: text(), Service: text(), Device: text(), OSUser: text(), Groups: []string{text()}}
	}
	if rng.IntN(2) == 0 {
		r.Account = audit.Account{Asserted: id(), Proved: some().Account.Proved}
	}
	if rng.IntN(3) == 0 {
		r.Account.Proved = id()
	}
	if rng.IntN(3) == 0 {
		r.IP, r.ID, r.Type, r.Model, r.Rule, r.Tool, r.Keys, r.Service.Name = text(), text(), text(), text(), text(), text(), some().Keys, text()
	}
	if rng.IntN(3) == 0 {
		r.Source, r.Outcome, r.Surface = some().Source, audit.Outcome(text()), audit.Surface(text())
	}
	return &r
}
