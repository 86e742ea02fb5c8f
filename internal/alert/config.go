package alert

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward"
)

// Config is the section `alerts` of the configuration.
type Config struct {
	// Window is how long after its first firing further firings of a rule and group are of the same alert.
	Window time.Duration `yaml:"window"`
	// Quiet is after how long without a firing an alert closes by itself; 0 is never.
	Quiet time.Duration `yaml:"quiet"`
	// Channels are where alerts are told.
	Channels []ChannelConfig `yaml:"channels"`
	// Routes say which alerts go to which channels; every route that matches counts. Without one, alerts of severity low and above go to
	// every channel.
	Routes []Route `yaml:"routes"`
}

// What a channel may be told of an alert.
const (
	HoldsRule     = "rule"     // rule, severity, count, time and link: nobody's name
	HoldsMetadata = "metadata" // also its sentence, group and fields
)

// ChannelConfig is one channel. Exactly one of the sections after Holds says what it is.
type ChannelConfig struct {
	// Name names the channel in routes, metrics and health: lower-case letters, digits and dashes.
	Name string `yaml:"name"`
	// Processor is who operates the receiver, Region where: for the record of processing activities.
	Processor string `yaml:"processor"`
	Region    string `yaml:"region"`
	// Holds is rule or metadata (the default). No channel carries content.
	Holds string `yaml:"holds"`

	Slack        *Slack        `yaml:"slack"`
	PagerDuty    *PagerDuty    `yaml:"pagerduty"`
	Alertmanager *Alertmanager `yaml:"alertmanager"`
	Mail         *Mail         `yaml:"mail"`
	Webhook      *Webhook      `yaml:"webhook"`
}

// Slack posts to an incoming webhook.
type Slack struct {
	// URL is where the address of the webhook is found: whoever has it can post, so it is a secret.
	URL forward.Secret `yaml:"url"`
	// AllowPrivate lets the address be one that is not public.
	AllowPrivate bool `yaml:"allow_private"`
}

// PagerDuty sends events by the Events API, version 2.
type PagerDuty struct {
	RoutingKey forward.Secret `yaml:"routing_key"`
	// URL is https://events.pagerduty.com/v2/enqueue unless said otherwise, for the service regions.
	URL string `yaml:"url"`
	// AllowPrivate lets the address be one that is not public.
	AllowPrivate bool `yaml:"allow_private"`
}

// Alertmanager posts to the API, version 2.
type Alertmanager struct {
	// URL is the address under which /api/v2/alerts is.
	URL string `yaml:"url"`
	// Token is a bearer token, for who put authentication in front of it.
	Token forward.Secret `yaml:"token"`
	// Resend is how often an open alert is sent again: less than Alertmanager's resolve_timeout.
	Resend time.Duration `yaml:"resend"`
	TLS    forward.TLS   `yaml:"tls"`
}

// Mail sends plain text over SMTP.
type Mail struct {
	// Server is host:port. Port 465 is TLS from the beginning, any other must offer STARTTLS.
	Server string   `yaml:"server"`
	From   string   `yaml:"from"`
	To     []string `yaml:"to"`
	// User and Password sign in; leave both out where the server asks for nothing.
	User     string         `yaml:"user"`
	Password forward.Secret `yaml:"password"`
	TLS      forward.TLS    `yaml:"tls"`
}

// Webhook posts JSON signed as Standard Webhooks have it.
type Webhook struct {
	URL string `yaml:"url"`
	// Secrets sign: one, or two while one replaces the other; each is whsec_ and base64.
	Secrets      []forward.Secret `yaml:"secrets"`
	AllowPrivate bool             `yaml:"allow_private"`
	TLS          forward.TLS      `yaml:"tls"`
}

// Route says which alerts go to which channels. Empty fields match every alert.
type Route struct {
	// Severity is the least one.
	Severity Severity `yaml:"severity"`
	// Rules are ids.
	Rules []string `yaml:"rules"`
	// Sources: rules that need one of them.
	Sources  []audit.Source `yaml:"sources"`
	Channels []string       `yaml:"channels"`
}

// DefaultConfig tells nobody: alerts stand in the console.
func DefaultConfig() Config { return Config{Window: time.Hour, Quiet: 14 * 24 * time.Hour} }

var channelName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// Validate gathers every problem with its path.
func (c *Config) Validate() error {
	var errs []error
	if c.Window < time.Minute || c.Window > 24*time.Hour {
		errs = append(errs, fmt.Errorf("alerts.window: %v is not between 1m and 24h", c.Window))
	}
	if c.Quiet != 0 && c.Quiet < 24*time.Hour {
		errs = append(errs, fmt.Errorf("alerts.quiet: %v is less than 24h: an alert would close before anybody is back; 0 is never", c.Quiet))
	}
	var names []string
	for i := range c.Channels {
		if err := c.Channels[i].validate(); err != nil {
			errs = append(errs, fmt.Errorf("alerts.channels[%d].%w", i, err))
		}
		if slices.Contains(names, c.Channels[i].Name) {
			errs = append(errs, fmt.Errorf("alerts.channels[%d].name: %q is taken", i, c.Channels[i].Name))
		}
		names = append(names, c.Channels[i].Name)
	}
	for i, r := range c.Routes {
		if r.Severity != "" && !slices.Contains(Severities(), r.Severity) {
			errs = append(errs, fmt.Errorf("alerts.routes[%d].severity: %q is none of %v", i, r.Severity, Severities()))
		}
		for _, s := range r.Sources {
			if s.Plane() == "" && s != audit.SourceTripod {
				errs = append(errs, fmt.Errorf("alerts.routes[%d].sources: %q is not a source", i, s))
			}
		}
		for _, name := range r.Channels {
			if !slices.Contains(names, name) {
				errs = append(errs, fmt.Errorf("alerts.routes[%d].channels: no channel is named %q", i, name))
			}
		}
	}
	return errors.Join(errs...)
}

// Kind is what a channel is; "" where no section or several say it.
func (c *ChannelConfig) Kind() string {
	var kinds []string
	for kind, is := range map[string]bool{
		"slack": c.Slack != nil, "pagerduty": c.PagerDuty != nil, "alertmanager": c.Alertmanager != nil, "mail": c.Mail != nil, "webhook": c.Webhook != nil,
	} {
		if is {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) != 1 {
		return ""
	}
	return kinds[0]
}

func (c *ChannelConfig) validate() error {
	switch {
	case !channelName.MatchString(c.Name):
		return fmt.Errorf("name: %q is not 1 to 40 lower-case letters, digits and dashes", c.Name)
	case c.Holds != "" && c.Holds != HoldsRule && c.Holds != HoldsMetadata:
		return fmt.Errorf("holds: %q is not rule or metadata: no channel carries content", c.Holds)
	}
	switch c.Kind() {
	case "slack":
		return at("slack.url", c.Slack.URL.Validate())
	case "pagerduty":
		if c.PagerDuty.URL != "" {
			if err := forward.URLProblem(c.PagerDuty.URL); err != nil {
				return at("pagerduty.url", err)
			}
		}
		return at("pagerduty.routing_key", c.PagerDuty.RoutingKey.Validate())
	case "alertmanager":
		if c.Alertmanager.Resend != 0 && c.Alertmanager.Resend < 10*time.Second {
			return fmt.Errorf("alertmanager.resend: %v is less than 10s", c.Alertmanager.Resend)
		}
		return at("alertmanager.url", forward.URLProblem(c.Alertmanager.URL))
	case "mail":
		return at("mail", c.Mail.validate())
	case "webhook":
		return c.Webhook.validate()
	}
	return fmt.Errorf("name: %s: say with one section what it is: slack, pagerduty, alertmanager, mail or webhook", c.Name)
}

func (m *Mail) validate() error {
	if m.Server == "" || len(m.To) == 0 {
		return errors.New("name a server as host:port, and to whom")
	}
	for _, a := range append([]string{m.From}, m.To...) {
		if parsed, err := mail.ParseAddress(a); err != nil || parsed.Address != a {
			return fmt.Errorf("%q is no plain address", a)
		}
	}
	if (m.User == "") != m.Password.IsZero() {
		return errors.New("user and password go together")
	}
	if m.User != "" {
		return at("password", m.Password.Validate())
	}
	return nil
}

func (w *Webhook) validate() error {
	if len(w.Secrets) < 1 || len(w.Secrets) > 2 {
		return errors.New("webhook.secrets: name one, or two while one replaces the other")
	}
	for i, s := range w.Secrets {
		if err := s.Validate(); err != nil {
			return fmt.Errorf("webhook.secrets[%d]: %w", i, err)
		}
	}
	return at("webhook.url", forward.URLProblem(w.URL))
}

func at(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, err)
}

// route lists the channels that an alert goes to, in the order of the configuration.
func (c *Config) route(severity Severity, rule string, sources []audit.Source) []string {
	var to []string
	for i := range c.Channels {
		name := c.Channels[i].Name
		if len(c.Routes) == 0 && severity.Rank() >= Low.Rank() || slices.ContainsFunc(c.Routes, func(r Route) bool {
			return slices.Contains(r.Channels, name) && r.matches(severity, rule, sources)
		}) {
			to = append(to, name)
		}
	}
	return to
}

func (r *Route) matches(severity Severity, rule string, sources []audit.Source) bool {
	return (r.Severity == "" || severity.Rank() >= r.Severity.Rank()) && (len(r.Rules) == 0 || slices.Contains(r.Rules, rule)) &&
		(len(r.Sources) == 0 || slices.ContainsFunc(r.Sources, func(s audit.Source) bool { return slices.Contains(sources, s) }))
}
