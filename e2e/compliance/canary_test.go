package compliance

import (
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
)

// signedIn are pages of the console as somebody who signed in sees them.
func signedIn(t *testing.T, dir string, paths ...string) map[string]string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	link, err := app.ConsoleLink(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	pages := map[string]string{}
	base := link[:strings.Index(link, "/enter")]
	for _, url := range append([]string{link}, paths...) {
		full := url
		if full != link {
			full = base + url
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, full, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		pages[url] = string(b)
	}
	return pages
}

// TestNothingOfAKeyIsSaid plants parts of keys where they could get out, with a server that repeats them in all it says, and
// looks for them in all that Tripod says and keeps: the log, the journal's records and files, metrics, the page of health,
// conditions, doctor, and its errors.
func TestNothingOfAKeyIsSaid(t *testing.T) {
	slow(t)
	const secret, second, deleting = "canary-first-5e1f0c", "canary-second-77ab3d", "canary-deletes-e09d11"
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("X-Api-Key")
		w.Header().Set("Request-Id", "req_1")
		w.Header().Set("Content-Type", "application/json")
		status := http.StatusUnauthorized
		if strings.Contains(key, second) {
			status = http.StatusForbidden
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"error":{"type":"authentication_error","message":"who is ` + key + `? Got: ['` + key + `', 'read:x'] ` + key + `"}}`))
	}))
	t.Cleanup(vendor.Close)
	c := configuration(t, map[string]string{
		"TRIPOD_COMPLIANCE_KEY_FILE":        keyFile(t, "sk-ant-api01-"+secret+"\nsk-ant-api01-"+second),
		"TRIPOD_COMPLIANCE_DELETE_KEY_FILE": keyFile(t, "sk-ant-api01-"+deleting), "TRIPOD_COMPLIANCE_URL": vendor.URL,
	})
	var log strings.Builder
	stop := serve(t, c, &log)
	records := follow(t, c.Data, func(records []*audit.Record) bool { return len(ofType(records, trouble.TypeInterrupted)) >= 3 })
	said := map[string]string{}
	addrs, err := app.ReadAddrs(c.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/healthz", "/metrics", "/readyz", "/"} {
		said["page "+path] = get(t, addrs.Console+path)
	}
	for path, text := range signedIn(t, c.Data, "/health", "/search", "/discrepancies") {
		said["page "+path] = text
	}
	for state, doctor := range map[string]bool{"running": true, "stopped": false} {
		if !doctor {
			stop()
		}
		b, err := json.Marshal(app.Examine(t.Context(), c.Data, c))
		if err != nil {
			t.Fatal(err)
		}
		said["doctor beside serve "+state] = string(b)
	}
	stop()
	for _, r := range records {
		said["records"] += string(r.AppendCanonical(nil)) + "\n"
	}
	said["log"] = log.String()
	err = filepath.WalkDir(c.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		said["file "+d.Name()] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range said {
		for _, key := range []string{secret, second, deleting, "api01-canary"} {
			if i := strings.Index(text, key); i >= 0 {
				t.Errorf("%s: …%q", where, text[max(0, i-80):min(len(text), i+80)])
			}
		}
	}
	for where, want := range map[string]string{
		"page /healthz": "compliance.forbidden", "page /health": "compliance.forbidden", "page /metrics": "tripod_compliance_requests_total", "log": "who is", "records": "tripod.compliance.key",
		"doctor beside serve running": "compliance delete key", "doctor beside serve stopped": "compliance key 2",
	} {
		if !strings.Contains(said[where], want) {
			t.Errorf("%s has no %q: the test shows nothing", where, want)
		}
	}
}
