package compliance

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	ownlog "github.com/tripod-audit/tripod/internal/collect/complianceapi/own"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/config"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

// activities counts the records of the feed, and says which came more than once.
func activities(records []*audit.Record) (n int, twice []string) {
	seen := map[string]int{}
	for _, r := range records {
		if r.Source == audit.SourceComplianceActivity {
			if seen[r.ID]++; seen[r.ID] == 2 {
				twice = append(twice, r.ID)
			}
		}
	}
	return len(seen), twice
}

func ofType(records []*audit.Record, typ string) (list []*audit.Record) {
	for _, r := range records {
		if r.Type == typ {
			list = append(list, r)
		}
	}
	return list
}

func attribute(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Text()
}

// feedOnly leaves the rest of the API alone.
func feedOnly(c *config.Config) {
	c.Compliance.Without = []string{config.PartContent, config.PartDirectory}
}

// raised waits for a condition and returns what it says.
func raised(t *testing.T, c config.Config, code string) string {
	t.Helper()
	text := ""
	follow(t, c.Data, func([]*audit.Record) bool {
		addrs, err := app.ReadAddrs(c.Data)
		if err != nil {
			return false // it starts
		}
		var s app.Status
		if err := json.Unmarshal([]byte(get(t, addrs.Console+"/healthz")), &s); err != nil {
			t.Fatal(err)
		}
		for _, f := range s.Conditions {
			if f.Code == code {
				text = f.Text
			}
		}
		return text != ""
	})
	return text
}

// get is what a page of the console says.
func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestKeyIsRotatedAmidABackfill disables the first of two keys while history is read: the second goes on from the same
// cursor, and nothing is interrupted.
func TestKeyIsRotatedAmidABackfill(t *testing.T) {
	vendor, url := enterprise(t, func(o *simulated.Options) { o.Volume, o.Rate = 400, -1 })
	keys := vendor.Keys()
	c := configuration(t, map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": keyFile(t, keys.Read+"\n"+keys.Read2), "TRIPOD_COMPLIANCE_URL": url})
	feedOnly(&c)
	var log strings.Builder
	stop := serve(t, c, &log)
	follow(t, c.Data, func(records []*audit.Record) bool { n, _ := activities(records); return n > 100 })
	if !vendor.SetKey(keys.Read, simulated.Disabled) {
		t.Fatal("no such key")
	}
	records := follow(t, c.Data, func(records []*audit.Record) bool { return statements(records) >= 2 })
	text := raised(t, c, "compliance.second_key")
	stop()
	n, twice := activities(records)
	if n < 10_000 || len(twice) > 0 {
		t.Errorf("%d activities, twice: %v", n, twice)
	}
	if list := ofType(records, trouble.TypeInterrupted); len(list) > 0 {
		t.Errorf("%d records say that the feed was interrupted", len(list))
	}
	used := ofType(records, ownlog.TypeKey)
	if len(used) != 2 || attribute(used[0], "place") != "1" || attribute(used[1], "place") != "2" || !strings.Contains(text, "the second is in use") {
		t.Errorf("%d keys taken into use, and %q", len(used), text)
	}
}

// TestKeyIsDisabled disables the one key while history is read, and enables it again: a condition says who can do what,
// and reading goes on where it stopped, over a restart too.
func TestKeyIsDisabled(t *testing.T) {
	slow(t)
	vendor, url := enterprise(t, func(o *simulated.Options) { o.Volume, o.Rate = 400, -1 })
	key := vendor.Keys().Read
	c := configuration(t, map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": keyFile(t, key), "TRIPOD_COMPLIANCE_URL": url})
	feedOnly(&c)
	var log strings.Builder
	stop := serve(t, c, &log)
	follow(t, c.Data, func(records []*audit.Record) bool { n, _ := activities(records); return n > 100 })
	vendor.SetKey(key, simulated.Disabled)
	before := follow(t, c.Data, func(records []*audit.Record) bool { return len(ofType(records, trouble.TypeInterrupted)) > 0 })
	if text := raised(t, c, "compliance.key_refused"); !strings.Contains(text, "make another in claude.ai") || !strings.Contains(text, "Nothing is lost") {
		t.Errorf("the condition says %q", text)
	}
	stop()
	vendor.SetKey(key, simulated.Active)
	stop = serve(t, c, &log)
	records := follow(t, c.Data, func(records []*audit.Record) bool { return statements(records) >= 2 })
	stop()
	n, twice := activities(records)
	if had, _ := activities(before); n < 10_000 || len(twice) > 0 || had > n/2 {
		t.Errorf("%d activities, %d of them before the key was disabled, twice: %v", n, had, twice)
	}
	if resumed := ofType(records, trouble.TypeResumed); len(resumed) != 1 || attribute(resumed[0], "reason") != "key_refused" {
		t.Errorf("%d records say that the feed was resumed", len(resumed))
	}
}

// TestKeyWithTooFewScopes: the feed is read, and what is not says which scope it wants.
func TestKeyWithTooFewScopes(t *testing.T) {
	slow(t)
	vendor, url := enterprise(t, nil)
	f := func(name, key, reason string, says ...string) {
		t.Run(name, func(t *testing.T) {
			c := configuration(t, map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": keyFile(t, key), "TRIPOD_COMPLIANCE_URL": url})
			var log strings.Builder
			stop := serve(t, c, &log)
			for i, part := range []string{"directory", "content"} {
				if text := raised(t, c, "compliance."+part+"."+reason); !strings.Contains(text, says[i]) {
					t.Errorf("%s says %q", part, text)
				}
			}
			records := follow(t, c.Data, func(records []*audit.Record) bool { return statements(records) >= 2 })
			stop()
			if slices.ContainsFunc(ofType(records, trouble.TypeInterrupted), func(r *audit.Record) bool { return attribute(r, "feed") == "compliance.activity" }) {
				t.Error("the feed was interrupted")
			}
		})
	}
	f("the feed alone", vendor.Keys().Limited, "forbidden", "read:compliance_org_data", "read:compliance_user_data")
	f("a standalone organisation", vendor.Keys().Standalone, "console_key", "there is nothing to read", "there is nothing to read")
}
