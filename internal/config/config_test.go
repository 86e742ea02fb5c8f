package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

func TestParse(t *testing.T) {
	c, err := config.Parse([]byte(`
data: /var/lib/tripod
listen: {otlp_grpc: ""}
otlp:
  tokens:
    - {name: laptops, file: /etc/tripod/laptops.token, org: org-1}
capture:
  rules:
    - {group: [works-council], keep: metadata}
    - {surface: [claude_code], keep: text}
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Data = "/var/lib/tripod"
	want.Listen.OTLPGRPC = ""
	want.OTLP.Tokens = []config.Token{{Name: "laptops", File: "/etc/tripod/laptops.token", Org: "org-1"}}
	want.Capture.Rules = c.Capture.Rules
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := c.Capture.Rules; len(r) != 2 || r[0].Group[0] != "works-council" || r[1].Keep != audit.ClassText {
		t.Errorf("rules = %+v", r)
	}
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	for _, in := range []string{"", "# nothing yet\n", "---\n"} {
		c, err := config.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(config.Default(), c); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

func TestUnknownKeyShowsTheLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tripod.yaml")
	if err := os.WriteFile(path, []byte("data: x\nlisten:\n  consol: 127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path)
	if err == nil || !strings.Contains(err.Error(), "consol") || !strings.Contains(err.Error(), "3") || !strings.Contains(err.Error(), path) {
		t.Errorf("error = %v", err)
	}
}

func TestValidateGathersEverything(t *testing.T) {
	c := config.Default()
	c.Data, c.Listen.Console, c.Listen.OTLPHTTP, c.Log.Level = "", "0.0.0.0:8480", "nonsense", "loud"
	c.OTLP.TLS.Cert = "x.pem"
	c.CheckpointInterval = 25 * time.Hour
	c.Capture.Rules = []capture.Rule{{Credential: []string{"nosuch"}, Keep: audit.ClassText}}
	c.Owners = map[audit.Source]string{"otel.logs": "somebody"}
	c.OTLP.Tokens = []config.Token{{Name: "a", File: "f"}, {Name: "a"}, {File: "f", Env: "E"}}
	err := c.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"data:", "listen.console:", "listen.otlp_http:", "log.level:", "otlp.tls:", `"a" is taken`, "tokens[1]: name a file", "tokens[2].name", "tokens[2]: name a file", "checkpoint_interval:",
		`rules[0].credential: no token is named "nosuch"`, `owners: "otel.logs" is not a source`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
}

func TestOverride(t *testing.T) {
	c := config.Default()
	off, data := "", "elsewhere"
	c.Override(config.Overrides{Data: &data, ListenOTLPGRPC: &off})
	if c.Data != data || c.Listen.OTLPGRPC != "" || c.Listen.OTLPHTTP != config.Default().Listen.OTLPHTTP {
		t.Errorf("config = %+v", c)
	}
}

// TestErrorsShowNoValues: whoever writes a secret where its file's name belongs does not find it in a log.
func TestErrorsShowNoValues(t *testing.T) {
	for _, in := range []string{
		"otlp: {tokens: [{name: a, token: canary-5e1f}]}", "otlp:\n  tokens:\n    - name: a\n      token: canary-5e1f\n", "otlp: [canary-5e1f", "log: canary-5e1f",
	} {
		if _, err := config.Parse([]byte(in)); err == nil || strings.Contains(err.Error(), "canary-5e1f") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestExposureIsRefused(t *testing.T) {
	f := func(ok bool, change func(*config.Config)) {
		t.Helper()
		c := config.Default()
		c.Listen.OTLPHTTP = "0.0.0.0:4318"
		change(&c)
		if err := c.Validate(); (err == nil) != ok {
			t.Errorf("error = %v, want ok %v", err, ok)
		}
	}
	tls := config.TLS{Cert: "c", Key: "k"}
	token := []config.Token{{Name: "a", File: "f"}}
	f(false, func(*config.Config) {})
	f(false, func(c *config.Config) { c.OTLP.TLS = tls })
	f(false, func(c *config.Config) { c.OTLP.Tokens = token })
	f(true, func(c *config.Config) { c.OTLP.TLS, c.OTLP.Tokens = tls, token })
	f(true, func(c *config.Config) { c.OTLP.TLS = config.TLS{Cert: "c", Key: "k", ClientCA: "a"} })
}

func TestAfterReload(t *testing.T) {
	c, next := config.Default(), config.Default()
	next.Log.Level, next.OTLP.Tokens, next.Data, next.Listen.OTLPGRPC = "debug", []config.Token{{Name: "a", Env: "A"}}, "elsewhere", ""
	effective, restart := c.AfterReload(next)
	if diff := cmp.Diff([]string{"data", "listen"}, restart); diff != "" {
		t.Error(diff)
	}
	if effective.Log.Level != "debug" || len(effective.OTLP.Tokens) != 1 || effective.Data != c.Data || effective.Listen != c.Listen {
		t.Errorf("effective = %+v", effective)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("data: x\ncapture: {rules: [{keep: text}]}\n"))
	f.Add([]byte("listen:\n  consol: y\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if c, err := config.Parse(in); err == nil {
			_ = c.Validate()
			if _, err := c.Digest(); err != nil {
				t.Error(err)
			}
		}
	})
}
