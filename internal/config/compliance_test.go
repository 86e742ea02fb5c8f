package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/config"
)

func TestComplianceEnvironment(t *testing.T) {
	f := func(env map[string]string, want config.Compliance) {
		t.Helper()
		c := config.Default()
		c.Compliance = config.Compliance{KeyFile: "of-the-file", Start: "2026-01-31"}
		c.Environment(func(name string) string { return env[name] })
		if diff := cmp.Diff(want, c.Compliance); diff != "" {
			t.Errorf("%v (-want +got):\n%s", env, diff)
		}
	}
	f(nil, config.Compliance{KeyFile: "of-the-file", Start: "2026-01-31"})
	f(map[string]string{"TRIPOD_COMPLIANCE_KEY": "secret"}, config.Compliance{KeyEnv: "TRIPOD_COMPLIANCE_KEY", KeyCommand: []string{}, Start: "2026-01-31"})
	f(map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": "k", "TRIPOD_COMPLIANCE_URL": "http://127.0.0.1:1", "TRIPOD_COMPLIANCE_START": "2026-02-01"},
		config.Compliance{KeyFile: "k", KeyCommand: []string{}, URL: "http://127.0.0.1:1", Start: "2026-02-01"})
	f(map[string]string{"TRIPOD_COMPLIANCE_DELETE_KEY_FILE": "d"}, config.Compliance{KeyFile: "of-the-file", Start: "2026-01-31", DeleteKeyFile: "d", DeleteKeyCommand: []string{}})
	f(map[string]string{"TRIPOD_COMPLIANCE_KEY_COMMAND": "vault read key"}, config.Compliance{KeyCommand: []string{"vault", "read", "key"}, Start: "2026-01-31"})
}

func TestComplianceIsValidated(t *testing.T) {
	f := func(c config.Compliance, want string) {
		t.Helper()
		whole := config.Default()
		whole.Compliance = c
		err := whole.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	f(config.Compliance{KeyEnv: "X", URL: "https://api.example"}, "")
	f(config.Compliance{KeyFile: "x", URL: "http://127.0.0.1:8000"}, "")
	f(config.Compliance{KeyEnv: "X", KeyFile: "y"}, "name one of")
	f(config.Compliance{KeyEnv: "X", DeleteKeyFile: "y"}, "")
	f(config.Compliance{DeleteKeyEnv: "X", DeleteKeyFile: "y"}, "name one of delete_key_env")
	f(config.Compliance{URL: "http://api.example"}, "compliance.url")
	f(config.Compliance{URL: "https://user:secret@api.example"}, "compliance.url")
	f(config.Compliance{Start: "yesterday"}, "compliance.start")
	f(config.Compliance{PollInterval: 1}, "compliance.poll_interval")
	f(config.Compliance{DirectoryInterval: time.Second}, "compliance.directory_interval")
	f(config.Compliance{DirectoryInterval: time.Hour, Without: []string{"directory"}}, "")
	f(config.Compliance{SettingsInterval: time.Second}, "compliance.settings_interval")
	f(config.Compliance{Without: []string{"feed"}}, `compliance.without: "feed"`)
}

func TestBaseline(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "baseline.yaml")
	f := func(yaml string, want ...string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := config.Compliance{Baseline: path}.Rules()
		if len(want) == 0 && (err != nil || len(b.Rules) == 0) {
			t.Errorf("%s: %v %v", yaml, b, err)
		}
		for _, w := range want {
			if err == nil || !strings.Contains(err.Error(), w) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v, want %q", yaml, err, w)
			}
		}
	}
	const rule = "rules:\n  - {id: a, setting: sso_enabled, must_be: on, severity: high, reason: because, source: us}\n"
	f(rule)
	f(rule + "  - {id: b, setting: x, at_most: 3, organizations: [o], severity: low, reason: r}\n  - {id: c, setting: x, one_of: [a, b], severity: low, reason: r}\n")
	f("", "there are none")
	f("rules: []", "there are none")
	f("rule: []", "unknown field", "rule")
	f("rules:\n  - {id: a, settings: sso_enabled}", "unknown field")
	f("rules: [", "compliance.baseline")
	f(rule+"  - {id: a, setting: sso_enabled, must_be: maybe, at_least: 3, severity: awful}\n", "another rule has it", "rule a decides sso_enabled everywhere", "there are 2",
		"maybe", "awful", "say why")
	if _, err := (config.Compliance{Baseline: path + ".missing"}).Rules(); err == nil || !strings.Contains(err.Error(), "compliance.baseline") {
		t.Error(err)
	}
	if b, err := (config.Compliance{}).Rules(); err != nil || len(b.Rules) < 20 {
		t.Errorf("the baseline that comes with Tripod: %v", err)
	}
}
