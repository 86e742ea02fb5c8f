package api_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/secret"
)

// keys is a server that takes some keys, and a source of keys.
type keys struct {
	*server
	valid  map[string]bool
	source string
	broken error
	used   []api.KeyUse
	sent   []string
}

func newKeys(t *testing.T, source string, valid ...string) (*keys, *api.Client) {
	k := &keys{server: &server{}, valid: map[string]bool{}, source: source}
	for _, v := range valid {
		k.valid[v] = true
	}
	k.answer = func(int) *http.Response {
		key := k.last.Header.Get("X-Api-Key")
		k.sent = append(k.sent, key)
		if k.valid[key] {
			return response(200, empty)
		}
		return response(401, `{"error":{"type":"authentication_error","message":"API key has been deactivated."}}`)
	}
	return k, client(t, k.server, func(o *api.Options) {
		o.Key = func(context.Context) (secret.String, error) { return secret.New(k.source), k.broken }
		o.KeyLoaded = func(u api.KeyUse) { k.used = append(k.used, u) }
	})
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, c := newKeys(t, "sk-ant-api01-a\nsk-ant-api01-b\n", "sk-ant-api01-a", "sk-ant-api01-b")
		ask := func(serves bool, sent ...string) {
			t.Helper()
			k.sent = nil
			_, err := c.Activities(t.Context(), api.Query{Limit: 1}, api.Feed)
			if diff := cmp.Diff(sent, k.sent); diff != "" || (err == nil) != serves {
				t.Errorf("%v, sent (-want +got):\n%s", err, diff)
			}
		}
		const a, b, d = "sk-ant-api01-a", "sk-ant-api01-b", "sk-ant-api01-d"
		ask(true, a)
		k.valid[a] = false
		ask(true, a, b) // in the same request
		ask(true, b)
		k.source = b + " " + d // the operator tidies up
		ask(true, b)
		time.Sleep(11 * time.Minute)
		k.broken = errors.New("the vault is sealed") // no reason to stop
		ask(true, b)
		k.broken = nil
		time.Sleep(11 * time.Minute)
		ask(true, b)
		k.valid[b], k.valid[d] = false, true
		ask(true, b, d)
		k.valid[d] = false
		ask(false, d, b)
		k.valid[b] = true
		ask(true, b)
		k.valid[b] = false
		k.source = "sk-ant-admin01-e"
		k.valid[k.source] = true
		ask(true, b, k.source)
		kind := "compliance_access_key"
		want := []api.KeyUse{{kind, 1, 2}, {kind, 2, 2}, {kind, 1, 2}, {kind, 2, 2}, {kind, 1, 2}, {"admin_api_key", 1, 1}}
		if diff := cmp.Diff(want, k.used); diff != "" {
			t.Errorf("keys taken into use (-want +got):\n%s", diff)
		}
	})
}

// TestScopesOfARefusal reads the scopes of the key from what a 403 says; anything else there is not taken for scopes.
func TestScopesOfARefusal(t *testing.T) {
	f := func(message string, want ...string) {
		t.Helper()
		s := &server{answer: func(int) *http.Response {
			return response(403, `{"error":{"type":"permission_error","message":"`+message+`"}}`)
		}}
		var heard []string
		c := client(t, s, func(o *api.Options) { o.Scopes = func(list []string) { heard = list } })
		_, err := c.Activities(t.Context(), api.Query{Limit: 1}, api.Feed)
		var e *api.Error
		if !errors.As(err, &e) || !cmp.Equal(want, e.Scopes) || !cmp.Equal(want, heard) {
			t.Errorf("%s: %v, heard %v, want %v", message, err, heard, want)
		}
	}
	f("Missing required scopes. Got: ['api:admin', 'read:compliance_activities'] Needed one of: ['read:org_audit']", "api:admin", "read:compliance_activities")
	f("Missing required scopes. Got: ['delete:compliance_user_data'] Needed: ['read:x']", "delete:compliance_user_data")
	f("Missing required scopes. Got: [] Needed: ['read:x']")
	f("Missing required scopes. Got: [<b>'read:x'")
	f("Got: ['A Secret-01', 'read:x']", "read:x")
	f("no")
}
