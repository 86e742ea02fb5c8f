package complianceapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/own"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
)

// TestTroubleIsTold has the feed out of reach in every way, and back: each is a condition and two records, and nothing
// of what happened meanwhile is lost.
func TestTroubleIsTold(t *testing.T) {
	f := func(name string, answer func(*vendor) *http.Response) {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vendor, b *bench) {
				v.add(every("activity", time.Now().Add(-30*time.Minute), time.Minute, 120)...)
				stop := b.run(config(), nil)
				time.Sleep(5 * time.Minute)
				v.set(func() { v.faults = func(*http.Request, int) *http.Response { return answer(v) } })
				time.Sleep(40 * time.Minute)
				stop() // and a restart in the middle of it
				stop = b.run(config(), nil)
				time.Sleep(10 * time.Minute)
				if got := b.raised(); !slices.Contains(got, "compliance."+name) {
					t.Errorf("conditions are %v", got)
				}
				v.set(func() { v.faults = nil })
				time.Sleep(5 * time.Minute)
				stop()
				if got := b.raised(); len(got) > 0 {
					t.Errorf("conditions afterwards are %v", got)
				}
				interrupted, resumed := b.own(trouble.TypeInterrupted), b.own(trouble.TypeResumed)
				if len(interrupted) != 1 || len(resumed) != 1 || attr(interrupted[0], "reason") != name || attr(resumed[0], "reason") != name {
					t.Errorf("%d records say that it was interrupted, %d that it was resumed", len(interrupted), len(resumed))
				}
				b.wantAll()
			})
		})
	}
	f("key_refused", func(*vendor) *http.Response {
		return fault(401, "authentication_error", "API key has been deactivated.")
	})
	f("forbidden", func(*vendor) *http.Response {
		return fault(403, "permission_error", "Missing required scopes. Got: ['read:compliance_user_data'] Needed one of: ['read:compliance_activities', 'read:org_audit']")
	})
	f("feed_off", func(*vendor) *http.Response {
		return fault(400, "invalid_request_error", "Compliance API is not enabled for this organization")
	})
	f("refused", func(*vendor) *http.Response {
		return fault(400, "invalid_request_error", "Unknown query parameter: 'limit'.")
	})
	f("unreachable", func(*vendor) *http.Response { return &http.Response{Header: http.Header{}} })
	f("limited", func(*vendor) *http.Response { return fault(429, "rate_limit_error", "exceeded") })
	f("malformed", func(*vendor) *http.Response { return response(200, "<html>a proxy says hello</html>") })
}

// TestOtherKeyOnlySaysNotFound: a key of another kind gets 404 on every route.
func TestKeyOfAnotherKindIsTold(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		v.faults = func(*http.Request, int) *http.Response { return fault(404, "not_found_error", "Not found") }
		stop := b.run(config(), nil)
		time.Sleep(time.Minute)
		stop()
		if diff := cmp.Diff([]string{"compliance.key_refused"}, b.raised()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestKeyIsReplaced has the key refused amid a walk, and another in its place: the cursor survives, and nobody is told.
func TestKeyIsReplaced(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		v.pageMost = 10
		v.add(every("activity", time.Now().Add(-50*time.Minute), 10*time.Second, 300)...)
		const other = "sk-ant-api01-another"
		v.faults = func(_ *http.Request, n int) *http.Response {
			if n == 7 {
				v.keys = map[string]bool{other: true}
				b.key = other
			}
			return nil
		}
		stop := b.run(config(), nil)
		time.Sleep(10 * time.Second)
		stop()
		b.wantAll()
		if n := v.asked(); n > 300/10+12 {
			t.Errorf("%d requests for 30 pages: the cursor was lost", n)
		}
		if loaded := len(b.own(own.TypeKey)); loaded != 2 || len(b.own(trouble.TypeInterrupted)) != 0 {
			t.Errorf("%d records of keys taken into use, conditions %v", loaded, b.raised())
		}
	})
}

func TestLagIsTold(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		stop := b.run(config(), nil)
		time.Sleep(5 * time.Minute)
		if got := b.raised(); len(got) > 0 {
			t.Errorf("conditions are %v", got)
		}
		v.set(func() { v.faults = func(*http.Request, int) *http.Response { return fault(500, "api_error", "no") } })
		time.Sleep(30 * time.Minute)
		if got := b.raised(); !slices.Contains(got, "compliance.lag") {
			t.Errorf("conditions are %v", got)
		}
		stop()
	})
}

// TestRecordingOff has recording switched off and on: what the feed says of itself.
func TestRecordingOff(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		begin := time.Now()
		set := func(id string, at time.Time, on bool) {
			v.add(&activity{id: id, at: at, typ: "org_compliance_api_settings_updated", extra: fmt.Sprintf(`,"compliance_api_enabled":%v,"compliance_api_logging_enabled":null`, on)})
		}
		set("activity_off", begin.Add(10*time.Minute), false)
		stop := b.run(config(), nil)
		time.Sleep(20 * time.Minute)
		if diff := cmp.Diff([]string{"compliance.recording_off"}, b.raised()); diff != "" {
			t.Error(diff)
		}
		set("activity_on", time.Now(), true)
		time.Sleep(3 * time.Hour)
		stop()
		if got := b.raised(); len(got) > 0 {
			t.Errorf("conditions are %v", got)
		}
		said := false
		for _, s := range b.own(complianceapi.TypeStatement) {
			said = said || attr(s, "off_seconds") == "600" && strings.Contains(attr(s, "finding"), "switched off")
		}
		if !said {
			t.Error("no statement says that recording was off")
		}
	})
}

// TestStatements follows one hour: provisional, revised by a row that came late, then final.
func TestStatements(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		hour := time.Now().Truncate(time.Hour).Add(time.Hour)
		v.add(every("activity", hour, time.Minute, 60)...)
		v.add(&activity{id: "activity_late", at: hour.Add(30 * time.Minute), indexed: hour.Add(20 * time.Hour)})
		cfg := config()
		cfg.Interval = 30 * time.Minute
		stop := b.run(cfg, nil)
		time.Sleep(75 * time.Hour)
		stop()
		var got []string
		quiet := map[string]int{}
		for _, s := range b.own(complianceapi.TypeStatement) {
			line := strings.Join([]string{attr(s, "status"), attr(s, "rows"), attr(s, "rows_before"), attr(s, "finding")}, " | ")
			if attr(s, "from") == hour.UTC().Format(time.RFC3339) {
				got = append(got, line)
			} else if attr(s, "window") == "hour" {
				quiet[line]++
			}
		}
		want := []string{
			"provisional | 60 |  | no gap detected", "revised | 61 | 60 | the rows differ from those of the reading before", "final | 61 | 61 | no gap detected",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if quiet["final | 0 | 0 | no gap detected"] < 40 || len(quiet) != 2 {
			t.Errorf("statements of quiet hours: %v", quiet)
		}
	})
}

// TestOwnCallsAreOnRecord reconciles: every call the feed shows under our key is one we say we made.
func TestOwnCallsAreOnRecord(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		v.noisy = true
		v.faults = func(_ *http.Request, n int) *http.Response {
			if n%9 == 0 {
				return fault(503, "overloaded_error", "Try again shortly.")
			}
			return nil
		}
		stop := b.run(config(), nil)
		time.Sleep(40 * time.Minute)
		stop()
		stop = b.run(config(), nil)
		time.Sleep(40 * time.Minute)
		stop()
		said, records := map[string]int{}, b.own(own.TypeRequests)
		for _, r := range records {
			ids, _ := r.Attributes.Get("request_ids")
			for _, id := range ids.Items() {
				said[id.Str()]++
			}
		}
		if len(said) != v.asked() {
			t.Errorf("%d calls on record, %d made", len(said), v.asked())
		}
		shown := 0
		for _, r := range b.records() {
			if r.Type != "compliance_api_accessed" {
				continue
			}
			if shown++; said[r.Keys.Request] != 1 {
				t.Errorf("the feed shows call %s, which is on record %d times", r.Keys.Request, said[r.Keys.Request])
			}
		}
		if shown < 100 || len(records) > 40 {
			t.Errorf("%d calls shown, %d records of them", shown, len(records))
		}
	})
}

// TestSomebodyElseUsesTheKey: calls under our key that we did not make are told, those of a process that crashed are not.
func TestSomebodyElseUsesTheKey(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		v.noisy = true
		stop := b.run(config(), nil)
		time.Sleep(20 * time.Minute)
		stop()
		crashed := b.run(config(), &crashtest.Crash{After: 30})
		time.Sleep(20 * time.Minute)
		crashed()
		stop = b.run(config(), nil)
		time.Sleep(40 * time.Minute)
		if got := b.discrepancies(); len(got) > 0 {
			t.Errorf("nobody else called yet: %v", got)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://vendor.example/v1/compliance/activities?limit=5000", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", key)
		r.Header.Set("User-Agent", "curl/8.9")
		res, err := v.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		time.Sleep(40 * time.Minute)
		stop()
		got := b.discrepancies()
		if len(got) != 1 || !strings.Contains(got[0], "1 call under our key apikey_01Tripod from 192.0.2.8") || !strings.Contains(got[0], "/v1/compliance/activities") {
			t.Errorf("discrepancies are %v", got)
		}
	})
}

// TestAnswersTooLarge has pages that no bound allows: less is asked for at once.
func TestAnswersTooLarge(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		list := every("activity", time.Now().Add(-50*time.Minute), time.Second, 500)
		for _, a := range list {
			a.extra = `,"title":"` + strings.Repeat("x", 1000) + `"`
		}
		v.add(list...)
		b.maxBody = 100_000
		stop := b.run(config(), nil)
		time.Sleep(time.Minute)
		stop()
		b.wantAll()
	})
}

// TestNothingSecretIsSaid plants the key and a text wherever the server can write one, and looks for them in what is said.
func TestNothingSecretIsSaid(t *testing.T) {
	const canary = "canary-7be1"
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVendor()
		b := open(t, v)
		v.add(&activity{id: "activity_1", at: time.Now().Add(-10 * time.Minute), typ: "tomorrow_created",
			extra: `,"tomorrow":"` + canary + `","title":"` + canary + `","filename":"` + canary + `","updates":[{"type":"name","current_value":"` + canary + `"}],"deep":{"x":["` + canary + `"]}`})
		v.faults = func(r *http.Request, n int) *http.Response {
			switch n {
			case 3:
				return fault(401, "authentication_error", key+" is invalid, "+key)
			case 6:
				return fault(400, "invalid_request_error", "what is "+key)
			case 9:
				return response(302, "", "Location", "https://elsewhere.example/"+key)
			case 12:
				return response(200, `{"data":"`+canary+`"}`)
			case 15:
				return response(200, `[`+canary)
			}
			if r.URL.Host != "vendor.example" {
				t.Errorf("a request went to %s", r.URL.Host)
			}
			return nil
		}
		stop := b.run(config(), nil)
		time.Sleep(20 * time.Minute)
		stop()
		said := b.log.String() + fmt.Sprint(b.health.Conditions())
		for _, r := range b.records() {
			said += string(r.AppendCanonical(nil))
		}
		for _, secret := range []string{canary, key} {
			if i := strings.Index(said, secret); i >= 0 {
				t.Errorf("said: %s", said[max(0, i-200):i+100])
			}
		}
		if !strings.Contains(said, `"withheld":"policy"`) || v.asked() < 15 {
			t.Error("the test shows nothing")
		}
	})
}
