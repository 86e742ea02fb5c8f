package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/settings/baseline"
	"github.com/tripod-audit/tripod/internal/credential"
)

// Compliance says how the Compliance API is read. Without a key it is not.
type Compliance struct {
	// URL is for a simulator; empty is the real API. Another machine must be reached over https.
	URL string `yaml:"url"`
	// Where the reading key is: the name of an environment variable, a file (mode 0600), or a command that prints it, run
	// without a shell. File and command are asked again when the API refuses the key, so that it can be replaced. Two keys,
	// one a line, may stand there while one replaces the other.
	KeyEnv     string   `yaml:"key_env"`
	KeyFile    string   `yaml:"key_file"`
	KeyCommand []string `yaml:"key_command"`
	// Where the deleting key is, likewise. serve never loads it.
	DeleteKeyEnv     string   `yaml:"delete_key_env"`
	DeleteKeyFile    string   `yaml:"delete_key_file"`
	DeleteKeyCommand []string `yaml:"delete_key_command"`
	// Start is the day history is read from, as 2026-01-31; empty is 30 days before the first run. An earlier one later
	// reads more.
	Start string `yaml:"start"`
	// PollInterval is how often the activity feed is asked for what is new; 0 is 30s.
	PollInterval time.Duration `yaml:"poll_interval"`
	// DirectoryInterval is how often organisations, accounts, roles and groups are read; 0 is 1h.
	DirectoryInterval time.Duration `yaml:"directory_interval"`
	// ContentInterval is how often sessions and chats are asked for what changed; 0 is 5m.
	ContentInterval time.Duration `yaml:"content_interval"`
	// SettingsInterval is how often the settings in force are read; 0 is 15m.
	SettingsInterval time.Duration `yaml:"settings_interval"`
	// Baseline is a file of rules that settings are held against; empty is the one that Tripod ships with.
	Baseline string `yaml:"baseline"`
	// Without names parts of the API that are not read although the key may: directory, settings, content.
	Without []string `yaml:"without"`
}

// Parts of the Compliance API that can be left out. The activity feed cannot.
const (
	PartDirectory = "directory"
	PartContent   = "content" // sessions, chats and projects
	PartSettings  = "settings"
)

// Reads reports whether a part of the API is read.
func (c Compliance) Reads(part string) bool { return !slices.Contains(c.Without, part) }

// Environment variables of the Compliance API. Those of the deleting key are named as those of the reading one.
const (
	envComplianceKey       = "TRIPOD_COMPLIANCE_KEY"
	envComplianceDeleteKey = "TRIPOD_COMPLIANCE_DELETE_KEY"
	envComplianceURL       = "TRIPOD_COMPLIANCE_URL"
	envComplianceStart     = "TRIPOD_COMPLIANCE_START"
)

// KeySource is where a key is: one of a variable, a file and a command; none where there is no key.
type KeySource struct {
	Env, File string
	Command   []string
}

// Named reports whether there is one.
func (k KeySource) Named() bool { return k.Env != "" || k.File != "" || len(k.Command) > 0 }

// ReadKey is where the reading key is.
func (c Compliance) ReadKey() KeySource { return KeySource{c.KeyEnv, c.KeyFile, c.KeyCommand} }

// DeleteKey is where the deleting key is.
func (c Compliance) DeleteKey() KeySource {
	return KeySource{c.DeleteKeyEnv, c.DeleteKeyFile, c.DeleteKeyCommand}
}

// keyOf is where the environment says that a key is.
func keyOf(getenv func(string) string, name string) (k KeySource, named bool) {
	k = KeySource{File: getenv(name + "_FILE"), Command: strings.Fields(getenv(name + "_COMMAND"))}
	if getenv(name) != "" {
		k.Env = name
	}
	return k, k.Named()
}

// Environment applies what stands in the environment and has no flag: where secrets are. A key that it names takes the
// place of the file's.
func (c *Config) Environment(getenv func(string) string) {
	to := &c.Compliance
	if k, named := keyOf(getenv, envComplianceKey); named {
		to.KeyEnv, to.KeyFile, to.KeyCommand = k.Env, k.File, k.Command
	}
	if k, named := keyOf(getenv, envComplianceDeleteKey); named {
		to.DeleteKeyEnv, to.DeleteKeyFile, to.DeleteKeyCommand = k.Env, k.File, k.Command
	}
	for name, to := range map[string]*string{envComplianceURL: &c.Compliance.URL, envComplianceStart: &c.Compliance.Start, envGatewayUpstream: &c.Gateway.Upstream} {
		if v := getenv(name); v != "" {
			*to = v
		}
	}
}

// On reports whether the Compliance API is to be read.
func (c Compliance) On() bool { return c.ReadKey().Named() }

// Since is the time history is read from; zero where none is set.
func (c Compliance) Since() (time.Time, error) {
	if c.Start == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, c.Start)
	if err != nil {
		return time.Time{}, fmt.Errorf("compliance.start: %q is not a day like 2026-01-31", c.Start)
	}
	return t, nil
}

// Rules are those that settings are held against.
func (c Compliance) Rules() (baseline.Baseline, error) {
	raw, name := baseline.Shipped(), "the baseline that comes with Tripod"
	if c.Baseline != "" {
		var err error
		name = c.Baseline
		if raw, err = os.ReadFile(name); err != nil {
			return baseline.Baseline{}, fmt.Errorf("compliance.baseline: %w", err)
		}
	}
	var b baseline.Baseline
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&b); err != nil && !errors.Is(err, io.EOF) {
		return b, fmt.Errorf("compliance.baseline: %s: %s", name, strings.ReplaceAll(yaml.FormatError(err, false, false), "\n", " "))
	}
	if err := b.Validate(); err != nil {
		return b, fmt.Errorf("compliance.baseline: %s: %w", name, err)
	}
	return b, nil
}

func (k KeySource) validate(name string) error {
	sources := 0
	for _, named := range []bool{k.Env != "", k.File != "", len(k.Command) > 0} {
		if named {
			sources++
		}
	}
	if sources > 1 {
		return fmt.Errorf("compliance: name one of %[1]s_env, %[1]s_file and %[1]s_command", name)
	}
	return nil
}

func (c Compliance) validate() error {
	var errs []error
	errs = append(errs, c.ReadKey().validate("key"), c.DeleteKey().validate("delete_key"))
	if _, err := c.Since(); err != nil {
		errs = append(errs, err)
	}
	if c.PollInterval != 0 && (c.PollInterval < 5*time.Second || c.PollInterval > time.Hour) {
		errs = append(errs, fmt.Errorf("compliance.poll_interval: %v is not between 5s and 1h", c.PollInterval))
	}
	if c.DirectoryInterval != 0 && (c.DirectoryInterval < time.Minute || c.DirectoryInterval > 24*time.Hour) {
		errs = append(errs, fmt.Errorf("compliance.directory_interval: %v is not between 1m and 24h", c.DirectoryInterval))
	}
	if c.ContentInterval != 0 && (c.ContentInterval < time.Minute || c.ContentInterval > 24*time.Hour) {
		errs = append(errs, fmt.Errorf("compliance.content_interval: %v is not between 1m and 24h", c.ContentInterval))
	}
	if c.SettingsInterval != 0 && (c.SettingsInterval < time.Minute || c.SettingsInterval > 24*time.Hour) {
		errs = append(errs, fmt.Errorf("compliance.settings_interval: %v is not between 1m and 24h", c.SettingsInterval))
	}
	if _, err := c.Rules(); err != nil {
		errs = append(errs, err)
	}
	for _, part := range c.Without {
		if parts := []string{PartDirectory, PartSettings, PartContent}; !slices.Contains(parts, part) {
			errs = append(errs, fmt.Errorf("compliance.without: %q is none of %s", part, strings.Join(parts, ", ")))
		}
	}
	return errors.Join(append(errs, validateURL(c.URL))...)
}

// validateURL keeps a key from travelling in the clear. It does not repeat the address, which may hold a secret.
func validateURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("compliance.url: want https://HOST")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !credential.Local(u.Hostname())) {
		return errors.New("compliance.url: want https, so that the key does not travel in the clear; http is for a simulator on this machine")
	}
	return nil
}
