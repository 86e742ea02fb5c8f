package compliance

import (
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	ownlog "github.com/tripod-audit/tripod/internal/collect/complianceapi/own"
	"github.com/tripod-audit/tripod/internal/config"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

// examined is what doctor says of the Compliance API, a line a check.
func examined(t *testing.T, c config.Config) map[string]app.Finding {
	t.Helper()
	found := map[string]app.Finding{}
	for _, f := range app.Examine(t.Context(), c.Data, c) {
		if strings.HasPrefix(f.Check, "compliance") {
			found[f.Check] = f
		}
	}
	return found
}

// TestDoctor asks about each kind of key, with serve stopped and running: what it reaches, and who can change what is missing.
func TestDoctor(t *testing.T) {
	slow(t)
	vendor, url := enterprise(t, nil)
	k := vendor.Keys()
	f := func(name, key string, change func(*config.Config), want map[string]string) {
		t.Run(name, func(t *testing.T) {
			c := configuration(t, map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": keyFile(t, key), "TRIPOD_COMPLIANCE_URL": url})
			if change != nil {
				change(&c)
			}
			var log strings.Builder
			stop := serve(t, c, &log)
			running := examined(t, c)
			stop()
			stopped := examined(t, c)
			for state, found := range map[string]map[string]app.Finding{"running": running, "stopped": stopped} {
				for check, text := range want {
					ok := !strings.HasPrefix(text, "NOT ")
					got := found[check]
					if got.OK != ok || !strings.Contains(got.Text+" → "+got.Fix, strings.TrimPrefix(text, "NOT ")) || !ok && got.Fix == "" {
						t.Errorf("serve %s: %s: %+v, want %q", state, check, got, text)
					}
				}
			}
			if s := audit.Hex([]byte(log.String())); strings.Contains(s, audit.Hex([]byte(key))) {
				t.Error("the key is in the log")
			}
		})
	}
	f("reads everything", k.Read, nil, map[string]string{
		"compliance key": "Compliance Access Key", "compliance tenant": "Claude Enterprise; this key reaches 2 organisations", "compliance feed": "on; its newest activity",
		"compliance clock": "this machine's clock", "compliance budget": "requests are left",
	})
	f("reads the feed alone", k.Limited, nil, map[string]string{
		"compliance key": "NOT not content (forbidden), directory (forbidden), settings (forbidden); scopes read:compliance_activities",
	})
	f("and that is what is wanted", k.Limited, func(c *config.Config) {
		c.Compliance.Without = []string{config.PartContent, config.PartDirectory, config.PartSettings}
	}, map[string]string{"compliance key": "reads activity feed"})
	f("of a standalone organisation", k.Standalone, nil, map[string]string{
		"compliance key": "Admin API key: reads activity feed", "compliance tenant": "a Console organisation",
	})
	f("only deletes", k.Delete, nil, map[string]string{"compliance key": "NOT it can delete"})
	f("of another kind", k.Messages, nil, map[string]string{"compliance key": "NOT primary owner: the key is disabled, deleted or expired, or of a kind this API does not take"})
	f("two, one disabled", k.Read2+"\n"+k.Read, func(*config.Config) { vendor.SetKey(k.Read2, simulated.Disabled) }, map[string]string{
		"compliance key 1": "NOT activity feed (key_refused)", "compliance key 2": "reads activity feed, content, directory",
	})
	f("three", "a b c", nil, map[string]string{"compliance key": "NOT it has 3 words, and 2 keys are the most"})
	deleting := func(key string) func(*config.Config) {
		return func(c *config.Config) { c.Compliance.DeleteKeyFile = keyFile(t, key) }
	}
	f("and one that deletes", k.Read, deleting(k.Delete), map[string]string{"compliance delete key": "deletes, and reads nothing"})
	f("and one that does not delete", k.Read, deleting(k.Limited), map[string]string{"compliance delete key": "NOT make a key with delete:compliance_user_data"})
}

// TestDoctorIsOnRecord: what doctor asks is on record like any other call, and who wanted to know.
func TestDoctorIsOnRecord(t *testing.T) {
	slow(t)
	vendor, url := enterprise(t, nil)
	c := configuration(t, map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": keyFile(t, vendor.Keys().Read), "TRIPOD_COMPLIANCE_URL": url})
	if found := examined(t, c); len(found) > 0 {
		t.Errorf("asked without a journal to put the calls into: %v", found)
	}
	var log strings.Builder
	serve(t, c, &log)()
	before := 0
	follow(t, c.Data, func(records []*audit.Record) bool { before = len(records); return true })
	examined(t, c)
	asked, calls := 0, int64(0)
	follow(t, c.Data, func(records []*audit.Record) bool {
		for _, r := range records[before:] {
			switch r.Type {
			case app.TypeExamined:
				asked++
			case ownlog.TypeRequests:
				v, _ := r.Attributes.Get("requests")
				calls, _ = v.Int64()
			}
		}
		return true
	})
	if asked != 1 || calls != 4 {
		t.Errorf("%d examinations and %d calls on record", asked, calls)
	}
}
