package probe_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/probe"
	"github.com/tripod-audit/tripod/internal/secret"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// vendor is a simulated one, and what it was asked.
func vendor(t *testing.T) (v *simulated.API, o api.Options, asked func() []string) {
	t.Helper()
	v, err := simulated.New(simulated.Options{World: world.New(world.Options{Seed: 5}), Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var list []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		list = append(list, r.Method+" "+r.URL.RequestURI())
		mu.Unlock()
		v.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return v, api.Options{URL: s.URL}, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}
}

// TestRead asks about each kind of key.
func TestRead(t *testing.T) {
	t.Parallel()
	v, o, asked := vendor(t)
	k := v.Keys()
	f := func(name, key string, known []string, want probe.Report) {
		t.Helper()
		got, err := probe.Read(t.Context(), o, secret.New(key), known)
		if err != nil {
			t.Fatal(err)
		}
		if got.Feed != nil && time.Since(got.Feed.Newest) > 7*24*time.Hour {
			t.Errorf("%s: the feed's newest activity is of %v", name, got.Feed.Newest)
		}
		if !got.ClockKnown || got.ClockAhead.Abs() > time.Minute {
			t.Errorf("%s: clock ahead %v, known %v", name, got.ClockAhead, got.ClockKnown)
		}
		for i := range got.Reach {
			got.Reach[i].Text, got.Reach[i].Scope = "", ""
		}
		got.Feed, got.ClockAhead, got.ClockKnown = nil, 0, false
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	reach := func(reasons ...string) (list []probe.Reach) {
		reasons = append(reasons, reasons[2]) // settings share the directory's scope
		for i, part := range []string{probe.Feed, probe.Content, probe.Directory, probe.Settings} {
			list = append(list, probe.Reach{Part: part, OK: reasons[i] == "", Reason: reasons[i]})
		}
		return list
	}
	all := []string{api.ScopeActivities, api.ScopeUserData, api.ScopeOrgData}
	const access, admin = "compliance_access_key", "admin_api_key"
	f("reads all", k.Read, nil, probe.Report{Kind: access, Reach: reach("", "", ""), Organizations: 2})
	f("known by its id", k.Read, []string{v.KeyID(k.Read), "apikey_of_another_tenant"}, probe.Report{
		Kind: access, ID: v.KeyID(k.Read), Label: "Tripod read", Scopes: all, Reach: reach("", "", ""), Organizations: 2,
	})
	f("one of two", k.Read, []string{v.KeyID(k.Read), v.KeyID(k.Read2)}, probe.Report{Kind: access, Reach: reach("", "", ""), Organizations: 2})
	f("the feed alone", k.Limited, nil, probe.Report{
		Kind: access, Scopes: []string{api.ScopeActivities, "read:compliance_org_settings"}, Reach: reach("", "forbidden", "forbidden"),
	})
	f("standalone", k.Standalone, nil, probe.Report{Kind: admin, Scopes: []string{"api:admin", api.ScopeActivities}, Reach: reach("", "console_key", "console_key")})
	f("early", k.AdminEarly, nil, probe.Report{Kind: admin, Scopes: []string{"api:admin"}, Reach: reach("forbidden", "forbidden", "forbidden")})
	f("of another kind", k.Messages, nil, probe.Report{Kind: "claude_api_key", Reach: reach("key_refused", "key_refused", "key_refused")})
	for _, call := range asked() {
		if !strings.HasPrefix(call, "GET ") {
			t.Errorf("asked %s", call)
		}
	}
	if n := len(asked()); n > 7*3+3 {
		t.Errorf("%d requests about seven keys", n)
	}
}

// TestDelete: a deleting key is asked nothing but what it should be refused, which names its scopes.
func TestDelete(t *testing.T) {
	t.Parallel()
	v, o, asked := vendor(t)
	got, err := probe.Delete(t.Context(), o, secret.New(v.Keys().Delete))
	if err != nil || !slices.Equal(got.Scopes, []string{api.ScopeDelete}) || got.Can(probe.Feed) || got.Reason(probe.Feed).Reason != "forbidden" {
		t.Errorf("%+v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"GET /v1/compliance/activities?limit=1"}, asked()); diff != "" {
		t.Error(diff)
	}
}
