package sentinel

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/forward"
)

func item(body string) forward.Item {
	return forward.Item{
		ID: "00112233445566778899aabbccddeeff", Kind: forward.KindRecord, Seq: 7, Time: time.Date(2026, 11, 1, 12, 0, 0, 45e6, time.UTC), Type: `a "type"`,
		Body: []byte(body),
	}
}

const head = `{"TimeGenerated":"2026-11-01T12:00:00.045Z","Occurred":"2026-11-01T12:00:00.045Z","Origin":"origin","tripod_id":"00112233445566778899aabbccddeeff",` +
	`"tripod_kind":"record","tripod_seq":7,"tripod_type":"a \"type\"",`

func TestRow(t *testing.T) {
	t.Parallel()
	f := func(columns, body, want string) {
		t.Helper()
		s := &sink{c: Config{Columns: columns}.withDefaults(), host: "origin"}
		it := item(body)
		got, reason := s.row(nil, &it)
		if reason != "" {
			t.Error(reason)
		}
		if diff := cmp.Diff(head+want+"}", string(got)); diff != "" {
			t.Error(diff)
		}
		if !json.Valid(got) {
			t.Errorf("no JSON: %s", got)
		}
	}
	f("", `{"id":1,"b":[1,{"c":2}]}`, `"Event":{"id":1,"b":[1,{"c":2}]}`)
	f("fields", `{"id":1,"type":"x","Title":2,"class_uid":6003,"@timestamp":"t","9":0,"a-b":{"d":[1]}}`,
		`"id_CF":1,"type_CF":"x","Title_CF":2,"class_uid":6003,"f__timestamp":"t","f__":0,"a_b":{"d":[1]}`)
}

// TestRowsLeaveOut keeps back what the workspace would cut, and what no column could hold.
func TestRowsLeaveOut(t *testing.T) {
	t.Parallel()
	s := &sink{c: Config{Columns: "fields"}.withDefaults()}
	items := []forward.Item{
		item(`{"a":"` + strings.Repeat("x", mostColumn) + `"}`), item(`{"a":1}`), item(`{"a":1,"A":2}`), item(`{"a":1}`), item(`[]`),
	}
	body, outcomes, left := s.rows(items)
	var rows []map[string]any
	if err := json.Unmarshal(body, &rows); err != nil || len(rows) != 2 || left != 2 {
		t.Errorf("%d rows, %d left: %v", len(rows), left, err)
	}
	for i, o := range outcomes {
		if dead := o.Code == forward.Dead; dead != (i%2 == 0) || dead != (o.Reason != "") {
			t.Errorf("item %d: %+v", i, o)
		}
	}
	if _, outcomes, left = s.rows(items[:1]); left != 0 || len(outcomes) != 1 {
		t.Errorf("%d left of what cannot go, %d outcomes", left, len(outcomes))
	}
	if got, err := s.Send(t.Context(), items[:1]); err != nil || got[0].Code != forward.Dead {
		t.Errorf("sent where nothing was left to send: %v %v", got, err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	f := func(c Config, wants ...string) {
		t.Helper()
		err := c.Validate()
		if (err == nil) != (len(wants) == 0) {
			t.Errorf("%+v: %v", c, err)
		}
		for _, want := range wants {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v says nothing of %s", err, want)
			}
		}
	}
	good := Config{
		Endpoint: "https://x.ingest.monitor.azure.com", Rule: "dcr-" + strings.Repeat("0", 32), Tenant: "t.example.com", ClientID: "c", ClientSecret: forward.Secret{Env: "X"},
	}
	f(good)
	f(Config{}, "endpoint", "rule", "tenant", "client_id", "client_secret")
	bad := good
	bad.Stream, bad.Columns, bad.InFlight, bad.Authority = "Tripod", "rows", 99, "http://login.example.com"
	f(bad, "stream", "columns", "in_flight", "authority")
}

func FuzzFields(f *testing.F) {
	f.Add([]byte(`{"id":1,"b":[1,{"c":2}],"":null}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Add([]byte(`{"aé":1e400,"b":"\ud800"}`))
	f.Fuzz(func(t *testing.T, object []byte) {
		b, reason := appendFields([]byte(`{"x":0`), object)
		if reason != "" {
			return
		}
		var row map[string]json.RawMessage
		d := json.NewDecoder(bytes.NewReader(append(b, '}')))
		if err := d.Decode(&row); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		for name := range row {
			if len(name) > mostName || name != "x" && (reserved[strings.ToLower(name)] || column(name) != name) {
				t.Errorf("a column called %q", name)
			}
		}
	})
}
