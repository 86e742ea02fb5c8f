// Package config is the configuration of `tripod serve`: one strict YAML file made of each package's own Config, with
// defaults, validation and what flags and environment override.
//
// A Config is a plain value: load it, override it, validate it, then treat it as read only; it is then safe for
// concurrent use. Secrets never stand in it, only where to find them.
package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
	"github.com/tripod-audit/tripod/internal/policy"
)

// Config is the whole file. Every setting has one name in three spellings: YAML key, flag, environment.
type Config struct {
	// Data is the data directory.
	Data string `yaml:"data"`
	// Listen names the addresses; a way in whose address is empty does not start.
	Listen Listen `yaml:"listen"`
	// OTLP says who may deliver OpenTelemetry, and how.
	OTLP OTLP `yaml:"otlp"`
	// Gateway says where model traffic goes, who may send it, and what is done with it.
	Gateway Gateway `yaml:"gateway"`
	// Compliance says how the Compliance API is read.
	Compliance Compliance `yaml:"compliance"`
	// Capture is the capture policy: which class of content is kept for whom.
	Capture capture.Config `yaml:"capture"`
	// Console says how browsers reach the console.
	Console Console `yaml:"console"`
	// Access says who may sign in to the console and the API, and as what.
	Access signin.Config `yaml:"access"`
	// Policy says what is judged at the ways in that can stop something, and what becomes of it.
	Policy policy.Config `yaml:"policy"`
	// Detect says which rules records are held against, and what that may hold.
	Detect detect.Config `yaml:"detect"`
	// Alerts says how firings become alerts, and whom to tell.
	Alerts alert.Config `yaml:"alerts"`
	// Cases says how content is opened: who approves, for how long, and whom to tell.
	Cases casebook.Config `yaml:"cases"`
	// Backup says where and how often the data directory is backed up.
	Backup backup.Config `yaml:"backup"`
	// Retention says what is kept for how long; without a class everything is kept for ever.
	Retention retention.Config `yaml:"retention"`
	// Forward says where records are sent, and as what.
	Forward Forward `yaml:"forward"`
	// Owners names who answers for each source, for the page of health: otel.log: platform team.
	Owners map[audit.Source]string `yaml:"owners"`
	// Log says what Tripod tells about itself on stderr.
	Log Log `yaml:"log"`
	// CheckpointInterval is how often the ledger signs at most.
	CheckpointInterval time.Duration `yaml:"checkpoint_interval"`

	// From is the file that all this was read from.
	From File `yaml:"-"`
}

// Listen names listener addresses as host:port; port 0 takes a free one.
type Listen struct {
	Console  string `yaml:"console"`
	OTLPHTTP string `yaml:"otlp_http"`
	OTLPGRPC string `yaml:"otlp_grpc"`
	Gateway  string `yaml:"gateway"`
}

// OTLP configures the OpenTelemetry receiver.
type OTLP struct {
	TLS    TLS     `yaml:"tls"`
	Tokens []Token `yaml:"tokens"`
}

// TLS names PEM files. With ClientCA, clients must present a certificate it signed.
type TLS struct {
	Cert     string `yaml:"cert"`
	Key      string `yaml:"key"`
	ClientCA string `yaml:"client_ca"`
}

// Token is one bearer token: where to find it, and which identity it proves.
type Token struct {
	// Name names the credential in records.
	Name string `yaml:"name"`
	// File holds the token (mode 0600), or Env names the environment variable that does.
	File string `yaml:"file"`
	Env  string `yaml:"env"`
	// What the token proves about who delivers with it; leave empty what it does not.
	Email   string `yaml:"email"`
	User    string `yaml:"user"`
	Org     string `yaml:"org"`
	Device  string `yaml:"device"`
	Service string `yaml:"service"`
	// Groups are groups that everybody who has the token belongs to, for the capture policy.
	Groups []string `yaml:"groups"`
	// Surface is the product that delivers with it, where it stands for one: api for the Claude API's own export.
	Surface audit.Surface `yaml:"surface"`
}

// Log says what goes to stderr.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is text or json.
	Format string `yaml:"format"`
}

// Default is what holds where nothing else is said.
func Default() Config {
	return Config{
		Data:               "tripod-data",
		Listen:             Listen{Console: "127.0.0.1:8480", OTLPHTTP: "127.0.0.1:4318", OTLPGRPC: "127.0.0.1:4317", Gateway: "127.0.0.1:8481"},
		Policy:             policy.DefaultConfig(),
		Alerts:             alert.DefaultConfig(),
		Cases:              casebook.DefaultConfig(),
		Backup:             backup.DefaultConfig(),
		Log:                Log{Level: "info", Format: "text"},
		CheckpointInterval: time.Second,
	}
}

// Parse reads YAML over the defaults.
func Parse(b []byte) (c Config, err error) {
	defer caught(&err)
	c = Default()
	var document any
	if err := yaml.Unmarshal(b, &document); err == nil && document == nil {
		return c, nil // nothing but comments, which the strict decoder would take for zero values
	}
	dec := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict())
	if err := dec.Decode(&c); err != nil {
		// Without the excerpt of the file: a secret written where only its file's name belongs must not be printed.
		return Config{}, errors.New(strings.ReplaceAll(yaml.FormatError(err, false, false), "\n", " "))
	}
	return c, nil
}

// caught makes an error of a panic of the YAML library, which some malformed files cause.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = errors.New("this is no YAML that can be read")
	}
}

// Overrides are what flags and environment say; nil leaves the file's or the default value.
type Overrides struct {
	Data, ListenConsole, ListenOTLPHTTP, ListenOTLPGRPC, ListenGateway *string
	TLSCert, TLSKey, TLSClientCA, LogLevel, LogFormat                  *string
	CheckpointInterval                                                 *time.Duration
}

// Override applies flags and environment.
func (c *Config) Override(o Overrides) {
	for _, p := range []struct {
		to   *string
		from *string
	}{
		{&c.Data, o.Data}, {&c.Listen.Console, o.ListenConsole}, {&c.Listen.OTLPHTTP, o.ListenOTLPHTTP}, {&c.Listen.OTLPGRPC, o.ListenOTLPGRPC},
		{&c.Listen.Gateway, o.ListenGateway},
	} {
		if p.from != nil {
			*p.to = *p.from
		}
	}
}

// Validate gathers every problem with its path.
func (c *Config) Validate() error {
	var errs []error
	if c.Data == "" {
		errs = append(errs, errors.New("data: name a directory"))
	}
	for _, l := range []struct{ path, addr string }{
		{"listen.console", c.Listen.Console}, {"listen.otlp_http", c.Listen.OTLPHTTP}, {"listen.otlp_grpc", c.Listen.OTLPGRPC},
		{"listen.gateway", c.Listen.Gateway},
	} {
		if _, _, err := net.SplitHostPort(l.addr); l.addr != "" && err != nil {
			errs = append(errs, fmt.Errorf("%s: %w: want host:port", l.path, err))
		}
	}
	errs = append(errs, c.validateConsole(), c.Access.Validate())
	errs = append(errs, validateListeners("otlp", c.OTLP.TLS, c.OTLP.Tokens, map[string]string{"listen.otlp_http": c.Listen.OTLPHTTP, "listen.otlp_grpc": c.Listen.OTLPGRPC}))
	errs = append(errs, c.validateGateway(), c.Compliance.validate(), c.Capture.Validate(), c.Policy.Validate(), c.Detect.Validate(), c.Alerts.Validate(), c.Cases.Validate(), c.Backup.Validate(), c.Retention.Validate(), c.Forward.validate())
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		errs = append(errs, fmt.Errorf("log.level: %q is not debug, info, warn or error", c.Log.Level))
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		errs = append(errs, fmt.Errorf("log.format: %q is not text or json", c.Log.Format))
	}
	if c.CheckpointInterval < 100*time.Millisecond || c.CheckpointInterval > 24*time.Hour {
		errs = append(errs, fmt.Errorf("checkpoint_interval: %v is not between 100ms and 24h", c.CheckpointInterval))
	}
	errs = append(errs, c.validateRules(), c.validateOwners())
	return errors.Join(errs...)
}

// validateOwners refuses owners of what is no source: somebody would believe it is looked after.
func (c *Config) validateOwners() error {
	var errs []error
	for _, source := range slices.Sorted(maps.Keys(c.Owners)) {
		if source.Plane() == "" {
			errs = append(errs, fmt.Errorf("owners: %q is not a source", source))
		}
	}
	return errors.Join(errs...)
}

// validateRules refuses capture rules for credentials that nobody has: a misspelled name would keep more than was meant.
func (c *Config) validateRules() error {
	var errs []error
	for i, r := range c.Capture.Rules {
		for _, name := range r.Credential {
			named := func(t Token) bool { return t.Name == name }
			if c.OTLP.TLS.ClientCA == "" && c.Gateway.TLS.ClientCA == "" && !slices.ContainsFunc(c.OTLP.Tokens, named) && !slices.ContainsFunc(c.Gateway.Tokens, named) {
				errs = append(errs, fmt.Errorf("capture.rules[%d].credential: no token is named %q", i, name))
			}
		}
	}
	return errors.Join(errs...)
}

// validateListeners refuses addresses beyond loopback without TLS and credentials, and tokens nobody could tell apart. The
// addresses stand under their settings.
func validateListeners(section string, t TLS, tokens []Token, addrs map[string]string) error {
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(addrs)) {
		if !loopback(addrs[path]) && (t.Cert == "" || len(tokens) == 0 && t.ClientCA == "") {
			errs = append(errs, fmt.Errorf("%s: %s is beyond loopback: set %[3]s.tls.cert and %[3]s.tls.key, and %[3]s.tokens or %[3]s.tls.client_ca; or use 127.0.0.1",
				path, addrs[path], section))
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		errs = append(errs, fmt.Errorf("%s.tls: cert and key go together", section))
	}
	return errors.Join(append(errs, validateTokens(section, tokens))...)
}

// validateTokens wants each token of a section to have a name of its own and one place where it is.
func validateTokens(section string, tokens []Token) error {
	var errs []error
	names := map[string]bool{}
	for i, t := range tokens {
		if t.Name == "" {
			errs = append(errs, fmt.Errorf("%s.tokens[%d].name: records name the credential by it", section, i))
		}
		if names[t.Name] {
			errs = append(errs, fmt.Errorf("%s.tokens[%d].name: %q is taken", section, i, t.Name))
		}
		names[t.Name] = true
		if (t.File == "") == (t.Env == "") {
			errs = append(errs, fmt.Errorf("%s.tokens[%d]: name a file or an environment variable that holds the token", section, i))
		}
	}
	return errors.Join(errs...)
}

// loopback reports whether only this machine can reach an address; one that cannot be read is told of elsewhere.
func loopback(addr string) bool {
	local, err := credential.Loopback(addr)
	return local || err != nil
}

// AfterReload is what is in force once a running process has taken over what it can of another configuration, and the names
// of the settings that differ and need a restart.
func (c *Config) AfterReload(next Config) (effective Config, restart []string) {
	effective = *c
	effective.Access = next.Access
	effective.Access.OIDC, effective.Access.Bootstrap = c.Access.OIDC, c.Access.Bootstrap
	effective.Detect = next.Detect
	effective.Detect.Limits = c.Detect.Limits
	effective.Capture, effective.From = next.Capture, next.From
	effective.OTLP.Tokens, effective.Gateway.Tokens, effective.Log.Level = next.OTLP.Tokens, next.Gateway.Tokens, next.Log.Level
	for _, f := range []struct {
		name     string
		old, new any
	}{
		{"data", c.Data, next.Data}, {"listen", c.Listen, next.Listen}, {"otlp.tls", c.OTLP.TLS, next.OTLP.TLS}, {"gateway", c.Gateway.lasting(), next.Gateway.lasting()}, {"compliance", c.Compliance, next.Compliance}, {"cases", c.Cases, next.Cases}, {"alerts", c.Alerts, next.Alerts}, {"detect.limits", c.Detect.Limits, next.Detect.Limits}, {"backup", c.Backup, next.Backup}, {"retention", c.Retention, next.Retention},
		{"console", c.Console, next.Console}, {"access.oidc", c.Access.OIDC, next.Access.OIDC}, {"access.bootstrap", c.Access.Bootstrap, next.Access.Bootstrap},
		{"policy.cache_spans", c.Policy.CacheSpans, next.Policy.CacheSpans},
		{"log.format", c.Log.Format, next.Log.Format}, {"checkpoint_interval", c.CheckpointInterval, next.CheckpointInterval},
	} {
		if !reflect.DeepEqual(f.old, f.new) {
			restart = append(restart, f.name)
		}
	}
	return effective, restart
}

// Differs names the sections in which two configurations differ.
func (c *Config) Differs(other Config) (sections []string) {
	a, b := reflect.ValueOf(*c), reflect.ValueOf(other)
	for i := range a.NumField() {
		if f := a.Type().Field(i); f.Tag.Get("yaml") != "-" && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			sections = append(sections, f.Tag.Get("yaml"))
		}
	}
	return sections
}

// Digest fingerprints the effective configuration, so that a start record can say which one was in force.
func (c *Config) Digest() (string, error) {
	b, err := yaml.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("digest configuration: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}
