package attack

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
)

// inside is a server that only this machine reaches, as a cloud's metadata address is: nobody may be led there.
func inside(t *testing.T) (url string, reached *atomic.Int64) {
	t.Helper()
	reached = new(atomic.Int64)
	return upstream(t, func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		_, _ = io.WriteString(w, `{"data":[],"has_more":false,"secret":"metadata-canary"}`)
	}), reached
}

// TestNobodyIsLedElsewhere has every outside system that an address is configured of send Tripod on to another.
func TestNobodyIsLedElsewhere(t *testing.T) {
	slow(t)
	target, reached := inside(t)
	var mu sync.Mutex
	asked := map[string]int{}
	lure := func(what string) string {
		return upstream(t, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			asked[what]++
			mu.Unlock()
			status := []int{301, 302, 303, 307, 308}[asked[what]%5]
			w.Header().Set("Location", target+r.URL.Path)
			w.Header().Set("Refresh", "0; url="+target)
			w.WriteHeader(status)
		})
	}
	c := configuration(t)
	c.Environment(func(name string) string {
		return map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": writeFile(t, "key", "sk-ant-api01-made-up"), "TRIPOD_COMPLIANCE_URL": lure("compliance")}[name]
	})
	c.Gateway.Upstream = lure("gateway")
	s := serve(t, c)
	for range 5 { // each status once
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.addrs.Gateway+"/v1/messages", strings.NewReader(request(canaries(), false)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Api-Key", "sk-ant-api03-made-up")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if strings.Contains(string(body), "metadata-canary") || res.StatusCode < 300 || res.StatusCode >= 400 {
			t.Errorf("the gateway: %d %.200s", res.StatusCode, body)
		}
	}
	s.records(func(list []*audit.Record) bool {
		mu.Lock()
		defer mu.Unlock()
		return asked["compliance"] >= 1 && asked["gateway"] >= 5
	})
	// A caller names another host than the upstream's, in every way there is.
	for _, edit := range []func(*http.Request){
		func(r *http.Request) { r.Host = strings.TrimPrefix(target, "http://") },
		func(r *http.Request) { r.URL.Opaque = target + "/v1/messages" },
		func(r *http.Request) { r.URL.Opaque = "//" + strings.TrimPrefix(target, "http://") + "/v1/messages" },
		func(r *http.Request) { r.URL.Path = "//" + strings.TrimPrefix(target, "http://") + "/v1/messages" },
		func(r *http.Request) { r.URL.Path = "/@" + strings.TrimPrefix(target, "http://") + "/v1/messages" },
		func(r *http.Request) {
			r.Header.Set("X-Forwarded-Host", target)
			r.Header.Set("X-Original-Url", target)
		},
	} {
		req := httptest.NewRequest(http.MethodPost, s.addrs.Gateway+"/v1/messages", strings.NewReader("{}"))
		req.RequestURI = ""
		edit(req)
		if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if strings.Contains(string(body), "metadata-canary") {
				t.Errorf("the gateway asked where a caller wanted: %s", req.URL)
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests went on to where an answer led", n)
	}
}

// TestAddressesThatAreRefused: what would carry a secret in the clear, or hides where it leads, is refused at the start.
func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	bad := []string{"http://metadata.internal", "http://169.254.169.254", "http://[fd00:ec2::254]/", "http://10.0.0.1", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
		"http://2130706433", "http://0x7f000001", "http://127.1", "ftp://api.example", "file:///etc/passwd", "gopher://127.0.0.1", "javascript:alert(1)", "//api.example", "api.example",
		"https://user:password@api.example", "https://", "http://localhost@evil.example"}
	for name, set := range map[string]func(*config.Config, string){
		"gateway.upstream":   func(c *config.Config, u string) { c.Gateway.Upstream = u },
		"compliance.url":     func(c *config.Config, u string) { c.Compliance.URL = u },
		"access.oidc.issuer": func(c *config.Config, u string) { c.Access.OIDC.Issuer, c.Access.OIDC.ClientID = u, "tripod" },
	} {
		for _, address := range bad {
			c := configuration(t)
			set(&c, address)
			err := c.Validate()
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %q is taken: %v", name, address, err)
			} else if strings.Contains(err.Error(), "password") {
				t.Errorf("%s: the error repeats a password: %v", name, err)
			}
		}
	}
}

// TestProviderLeadsNowhere has an identity provider describe itself as what it is not: nothing it names beside itself is asked,
// and nobody is sent there.
func TestProviderLeadsNowhere(t *testing.T) {
	slow(t)
	target, reached := inside(t)
	describe := func(change map[string]string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			self := "http://" + r.Host
			said := map[string]string{"issuer": self, "authorization_endpoint": self + "/authorize", "token_endpoint": self + "/token", "jwks_uri": self + "/keys"}
			for name, value := range change {
				said[name] = value
			}
			_ = json.NewEncoder(w).Encode(said)
		}
	}
	away := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target+r.URL.Path, http.StatusFound) }
	for name, provider := range map[string]http.HandlerFunc{
		"a description elsewhere":   away,
		"another issuer":            describe(map[string]string{"issuer": target}),
		"keys at a metadata server": describe(map[string]string{"jwks_uri": "http://169.254.169.254/latest/meta-data/"}),
		"tokens for somebody":       describe(map[string]string{"token_endpoint": "https://user:secret@idp.example/token"}),
		"people sent to a script":   describe(map[string]string{"authorization_endpoint": "javascript:alert(1)"}),
		"signing out in the clear":  describe(map[string]string{"end_session_endpoint": "http://evil.example/out"}),
		"a long description":        func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 4<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := configuration(t)
			c.Listen.OTLPHTTP, c.Listen.Gateway = "", ""
			c.Access.OIDC.Issuer, c.Access.OIDC.ClientID = upstream(t, provider), "tripod"
			c.Access.Roles = []signin.Mapping{{Group: "g", Role: "analyst"}}
			s := serve(t, c)
			for deadline := time.Now().Add(patience); !strings.Contains(s.get("/healthz").body, "cannot be asked"); {
				if time.Now().After(deadline) {
					t.Fatalf("it is believed: %s", s.get("/healthz").body)
				}
			}
			for _, path := range []string{"/signin", "/signin/begin", "/signin?return=/", "/"} {
				if at := s.ask(nil, http.MethodGet, path, nil).header.Get("Location"); strings.Contains(at, "evil") || strings.Contains(at, "javascript") || strings.Contains(at, "user:") {
					t.Errorf("%s sends people to %s", path, at)
				}
			}
			if text := s.get("/healthz").body + s.log.String(); strings.Contains(text, "user:secret") || strings.Contains(text, "xxxxxxxxxx") && len(text) > 1<<20 {
				t.Errorf("what it said is repeated: %.300s", text)
			}
		})
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests went on to where it led", n)
	}
}
