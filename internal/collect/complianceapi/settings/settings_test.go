package settings_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/settings"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/settings/baseline"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep/sweeptest"
	"github.com/tripod-audit/tripod/internal/config"
)

// shipped is the baseline that comes with Tripod.
func shipped(t testing.TB) baseline.Baseline {
	t.Helper()
	b, err := config.Compliance{}.Rules()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func collector(b baseline.Baseline) func(sweep.Deps) (sweeptest.Runner, error) {
	return func(d sweep.Deps) (sweeptest.Runner, error) {
		return settings.New(settings.Config{Baseline: b}, d)
	}
}

// vendor is settings that a test changes at will.
type vendor struct {
	mu    sync.Mutex
	rows  map[string]map[string][2]string // by organisation and name: type, and value as JSON
	keys  string
	gone  bool // the route is not there
	asked int
	// failing: a handler around this one answers for o1.
	failing bool
}

func (v *vendor) fails() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.failing
}

func newVendor() *vendor {
	v := &vendor{rows: map[string]map[string][2]string{"o1": {}, "o2": {}}, keys: `[]`}
	v.set("o1", "sso_enabled", "boolean", "true")
	v.set("o2", "sso_enabled", "boolean", "true")
	v.set("o1", "account_session_duration_seconds", "integer", "28800")
	return v
}

func (v *vendor) set(org, name, kind, value string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if value == "" {
		delete(v.rows[org], name)
		return
	}
	v.rows[org][name] = [2]string{kind, value}
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("Request-Id", fmt.Sprintf("req_%d", v.asked))
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/compliance/organizations"), "/")
	if len(path) == 1 {
		var list []map[string]string
		for _, org := range slices.Sorted(maps.Keys(v.rows)) {
			list = append(list, map[string]string{"uuid": org, "name": "Clinic"})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": list, "has_more": false})
		return
	}
	rows, there := v.rows[path[1]]
	if !there || v.gone {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"error":{"type":"not_found_error","message":"organization '%s' not found in this organization's hierarchy"}}`, path[1])
		return
	}
	var list []map[string]any
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		list = append(list, map[string]any{"name": name, "type": rows[name][0], "value": json.RawMessage(rows[name][1])})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "effective_organization_settings", "organization_id": path[1], "settings": list, "api_keys": json.RawMessage(v.keys)})
}

// play runs a collector in a bubble, and what happens at the vendor between its snapshots.
func play(t *testing.T, v http.Handler, b baseline.Baseline, steps ...func()) *sweeptest.Bench {
	t.Helper()
	var bench *sweeptest.Bench
	synctest.Test(t, func(t *testing.T) {
		bench = sweeptest.Open(t, v, "sk-ant-api01-made-up")
		stop := bench.Run(nil, collector(b))
		for _, step := range steps {
			time.Sleep(settings.DefaultInterval / 2)
			step()
			time.Sleep(settings.DefaultInterval / 2)
		}
		time.Sleep(settings.DefaultInterval / 2)
		stop()
		bench.Keep()
	})
	return bench
}

func nothing() {}

// told are the records of a setting, each in short.
func told(b *sweeptest.Bench, org, setting string) []string {
	var list []string
	for _, r := range b.Records(audit.SourceComplianceSettings) {
		if r.Type != settings.TypeValue || r.Account.Proved.Org != org || sweeptest.Attr(r, "setting") != setting {
			continue
		}
		line := sweeptest.Attr(r, "change")
		for _, name := range []string{"value", "previous", "expected", "drift", "baseline", "severity", "value_type"} {
			if v, ok := r.Attributes.Get(name); ok {
				line += " " + name + "=" + v.Text()
			}
		}
		for _, c := range r.Content {
			line += " " + c.Name + ":" + string(c.Class)
		}
		list = append(list, line)
	}
	return list
}

func wantTold(t *testing.T, b *sweeptest.Bench, org, setting string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, told(b, org, setting)); diff != "" {
		t.Errorf("%s of %s (-want +got):\n%s", setting, org, diff)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	v := newVendor()
	b := play(t, v, shipped(t), nothing,
		func() { v.set("o1", "sso_enabled", "boolean", "false") },
		nothing,
		func() { v.set("o1", "sso_enabled", "boolean", "true") },
		func() { v.set("o1", "account_session_duration_seconds", "integer", "null") },
		func() { v.set("o1", "account_session_duration_seconds", "integer", "") }, // administrators cannot control it any more
		func() { v.set("o1", "account_session_duration_seconds", "integer", "3600") },
	)
	wantTold(t, b, "o1", "sso_enabled",
		"first_seen value=true expected=true drift=false baseline=sso severity=high value_type=boolean",
		"changed value=false previous=true expected=true drift=true baseline=sso severity=high value_type=boolean",
		"changed value=true previous=false expected=true drift=false baseline=sso severity=high value_type=boolean")
	wantTold(t, b, "o2", "sso_enabled", "first_seen value=true expected=true drift=false baseline=sso severity=high value_type=boolean")
	wantTold(t, b, "o1", "account_session_duration_seconds",
		"first_seen value=28800 expected=at most 43200 drift=false baseline=session-length severity=medium value_type=integer",
		"changed value=null previous=28800 expected=at most 43200 drift=true baseline=session-length severity=medium value_type=integer",
		"removed previous=null",
		"returned value=3600 expected=at most 43200 drift=false baseline=session-length severity=medium value_type=integer")
	statements := slices.DeleteFunc(b.Records(audit.SourceTripod), func(r *audit.Record) bool { return r.Type != complianceapi.TypeStatement })
	if len(statements) != 8 || sweeptest.Attr(statements[7], "feed") != "compliance.settings" || sweeptest.Attr(statements[7], "status") != "final" || sweeptest.Attr(statements[7], "requests") != "3" {
		t.Errorf("%d statements, the last %+v", len(statements), statements[len(statements)-1].Attributes)
	}
}

// TestKinds has a value of each of the vendor's types: what people named or wrote is content.
func TestKinds(t *testing.T) {
	t.Parallel()
	v := newVendor()
	v.set("o1", "allowed_invite_domains", "string_list", `["clinic.example"]`)
	v.set("o1", "disabled_admin_request_types", "string_list", `[]`)
	v.set("o1", "claude_code_default_worker_pool_id", "string", `"pool_01"`)
	v.set("o1", "sso_provisioning_mode", "provisioning_mode", `"scim_advanced"`)
	v.set("o1", "data_retention_periods", "data_retention", `{"project":{"type":"indefinite"},"chat":{"type":"fixed","timescale":"month","duration":1}}`)
	v.set("o1", "banner", "string", `"Dear colleagues"`)
	v.set("o1", "tomorrow", "map", `{"b":1,"a":[2]}`)
	b := play(t, v, shipped(t))
	wantTold(t, b, "o1", "allowed_invite_domains", "first_seen expected=not empty drift=false baseline=invite-domains severity=medium value_type=string_list value:detail")
	wantTold(t, b, "o1", "disabled_admin_request_types", "first_seen value=[] value_type=string_list")
	wantTold(t, b, "o1", "claude_code_default_worker_pool_id", "first_seen value=pool_01 value_type=string")
	wantTold(t, b, "o1", "sso_provisioning_mode",
		"first_seen value=scim_advanced expected=one of scim_advanced, scim_permissive, jit_advanced drift=false baseline=provisioning severity=medium value_type=provisioning_mode")
	wantTold(t, b, "o1", "data_retention_periods", "first_seen value=chat: 1 month, project: indefinite value_type=data_retention")
	wantTold(t, b, "o1", "banner", "first_seen value_type=string value:text")
	wantTold(t, b, "o1", "tomorrow", "first_seen value_type=map value:text")
	for _, r := range b.Records("") {
		if line := string(r.AppendCanonical(nil)); strings.Contains(line, "clinic.example") || strings.Contains(line, "colleagues") {
			t.Errorf("content is in the record: %s", line)
		}
	}
}

// TestBaselineChanges: a value that stands still is judged anew at the next start, and told where the verdict differs.
func TestBaselineChanges(t *testing.T) {
	t.Parallel()
	v := newVendor()
	must := func(state string) baseline.Baseline {
		return baseline.Baseline{Rules: []baseline.Rule{{ID: "mine", Setting: "sso_enabled", MustBe: state, Severity: "low", Reason: "r"}}}
	}
	var b *sweeptest.Bench
	synctest.Test(t, func(t *testing.T) {
		b = sweeptest.Open(t, v, "sk-ant-api01-made-up")
		for _, rules := range []baseline.Baseline{{}, must("on"), must("on"), must("off"), {}} {
			stop := b.Run(nil, collector(rules))
			time.Sleep(time.Minute)
			stop()
		}
		b.Keep()
	})
	for _, r := range b.Records(audit.SourceComplianceSettings) {
		if _, judged := r.Attributes.Get("drift"); judged && sweeptest.Attr(r, "setting") == "sso_enabled" && sweeptest.Attr(r, "reason") != "r" {
			t.Errorf("a verdict without its reason: %+v", r.Attributes)
		}
	}
	wantTold(t, b, "o1", "sso_enabled",
		"first_seen value=true value_type=boolean",
		"judged value=true expected=true drift=false baseline=mine severity=low value_type=boolean",
		"judged value=true expected=false drift=true baseline=mine severity=low value_type=boolean",
		"judged value=true value_type=boolean")
}

// TestKeys: each key of the parent is told once, whichever organisation it was told with.
func TestKeys(t *testing.T) {
	t.Parallel()
	v := newVendor()
	key := func(active bool) string {
		return fmt.Sprintf(`[{"type":"compliance_api_key","id":"apikey_01","name":"SIEM","scopes":["read:compliance_activities"],"is_active":%v,"created_at":"2026-01-02T03:04:05Z","created_by_id":"user_01","expires_at":null}]`, active)
	}
	v.keys = key(true)
	b := play(t, v, baseline.Baseline{}, nothing, func() { v.mu.Lock(); v.keys = key(false); v.mu.Unlock() }, func() { v.mu.Lock(); v.keys = "[]"; v.mu.Unlock() })
	var list []string
	for _, r := range b.Records(audit.SourceComplianceSettings) {
		if r.Type == settings.TypeKey {
			list = append(list, sweeptest.Attr(r, "change")+" "+sweeptest.Attr(r, "id")+" "+sweeptest.Attr(r, "is_active")+" "+sweeptest.Attr(r, "created_by_id")+sweeptest.Attr(r, "name"))
		}
	}
	if diff := cmp.Diff([]string{"first_seen apikey_01 true user_01", "changed apikey_01 false user_01", "removed apikey_01 false user_01"}, list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNotGranted: the route is enabled for each parent apart. Where it is not, that is said, and nothing counts as gone.
func TestNotGranted(t *testing.T) {
	t.Parallel()
	v := newVendor()
	b := play(t, v, baseline.Baseline{}, func() { v.mu.Lock(); v.gone = true; v.mu.Unlock() }, nothing)
	if raised := b.Health.Conditions(); len(raised) != 1 || raised[0].Code != "compliance.settings.not_granted" {
		t.Errorf("conditions %+v", raised)
	}
	wantTold(t, b, "o1", "sso_enabled", "first_seen value=true value_type=boolean")
}

// TestOrganisationOutOfReach: the API does not tell an organisation that is gone from one that another key does not reach.
// None of its settings counts as not shown any more, and no drift of it as over.
func TestOrganisationOutOfReach(t *testing.T) {
	t.Parallel()
	v := newVendor()
	v.set("o2", "sso_enabled", "boolean", "false")
	b := play(t, v, shipped(t), func() { v.mu.Lock(); delete(v.rows, "o2"); v.mu.Unlock() }, nothing, nothing)
	wantTold(t, b, "o2", "sso_enabled", "first_seen value=false expected=true drift=true baseline=sso severity=high value_type=boolean")
	if raised := b.Health.Conditions(); len(raised) != 1 || raised[0].Code != "compliance.settings.out_of_reach" {
		t.Errorf("%+v", raised)
	}
}

// TestOneOrganisationFails: the settings of one organisation that cannot be read hide no change in another.
func TestOneOrganisationFails(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 500} {
		v := newVendor()
		b := play(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/o1/settings") && v.fails() {
				w.Header().Set("X-Should-Retry", "false")
				w.WriteHeader(status)
				return
			}
			v.ServeHTTP(w, r)
		}), baseline.Baseline{}, func() {
			v.mu.Lock()
			v.failing = true
			v.mu.Unlock()
			v.set("o1", "sso_enabled", "boolean", "")
			v.set("o2", "sso_enabled", "boolean", "false")
		}, nothing, nothing)
		wantTold(t, b, "o1", "sso_enabled", "first_seen value=true value_type=boolean")
		wantTold(t, b, "o2", "sso_enabled", "first_seen value=true value_type=boolean", "changed value=false previous=true value_type=boolean")
		if raised := b.Health.Conditions(); len(raised) != 1 || raised[0].Code != "compliance.settings.incomplete" {
			t.Errorf("%d: %+v", status, raised)
		}
	}
}

// TestSoon: a snapshot that somebody asks for is taken at once, and what is changed back before the next one is seen.
func TestSoon(t *testing.T) {
	t.Parallel()
	v := newVendor()
	var b *sweeptest.Bench
	synctest.Test(t, func(t *testing.T) {
		b = sweeptest.Open(t, v, "sk-ant-api01-made-up")
		var c *sweep.Collector
		stop := b.Run(nil, func(d sweep.Deps) (r sweeptest.Runner, err error) {
			c, err = settings.New(settings.Config{}, d)
			return c, err
		})
		time.Sleep(time.Minute)
		v.set("o1", "sso_enabled", "boolean", "false")
		c.Soon()
		c.Soon()
		time.Sleep(time.Minute)
		v.set("o1", "sso_enabled", "boolean", "true")
		time.Sleep(time.Hour)
		stop()
		b.Keep()
	})
	wantTold(t, b, "o1", "sso_enabled", "first_seen value=true value_type=boolean", "changed value=false previous=true value_type=boolean", "changed value=true previous=false value_type=boolean")
}

// TestOrganisationIsMissedOnce: one answer that leaves an organisation out ends no drift.
func TestOrganisationIsMissedOnce(t *testing.T) {
	t.Parallel()
	v := newVendor()
	var lost map[string][2]string
	b := play(t, v, baseline.Baseline{},
		func() {
			v.mu.Lock()
			lost = v.rows["o2"]
			delete(v.rows, "o2")
			v.mu.Unlock()
			time.Sleep(settings.DefaultInterval/2 + time.Minute) // into the next snapshot, and not to the second look
			v.mu.Lock()
			v.rows["o2"] = lost
			v.mu.Unlock()
		}, nothing)
	wantTold(t, b, "o2", "sso_enabled", "first_seen value=true value_type=boolean")
}
