package complianceapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Records of the feed being out of reach, so that this is never silent.
const (
	TypeInterrupted = "tripod.feed.interrupted"
	TypeResumed     = "tripod.feed.resumed"
)

// trouble is why the feed cannot be read.
type trouble struct {
	Reason  string    `json:"reason"` // the condition's code after "compliance."
	Since   time.Time `json:"since"`
	Status  int       `json:"status,omitempty"`
	Request string    `json:"request,omitempty"`
}

// reason is a kind of trouble: how bad it is, and what to do about it.
type reason struct {
	name     string
	severity health.Severity
	text     string
	patience int // failures in a row before it is told
}

func reasons() map[string]reason {
	list := []reason{
		{"key_missing", health.Critical, "there is no key to read the activity feed with: see TRIPOD_COMPLIANCE_KEY, …_KEY_FILE or …_KEY_COMMAND", 1},
		{"key_refused", health.Critical, "the Compliance API refuses the key: it was disabled, deleted or expired, or is no Compliance Access Key; " +
			"make another in claude.ai, Organization settings, API, and put it in place. Nothing is lost: reading goes on where it stopped", 1},
		{"forbidden", health.Critical, "the key may not read the activity feed: it lacks read:compliance_activities. Scopes of a key cannot be changed: make another", 1},
		{"feed_off", health.Critical, "the Compliance API is switched off for this organisation: nothing that happens meanwhile can be recovered; " +
			"the primary owner switches it on in claude.ai, Organization settings, API", 1},
		{"refused", health.Critical, "the Compliance API refuses how the activity feed is asked: see the log, and whether there is a newer build", 1},
		{"unreachable", health.Warning, "the Compliance API does not answer, or only with errors; it is tried again, and reading goes on where it stopped", 2},
		{"limited", health.Warning, "the request budget of the organisation is used up: every key of it shares 600 requests a minute; " +
			"look for who else uses it. Reading goes on where it stopped", 1},
		{"malformed", health.Warning, "what answers in place of the Compliance API is not it: look for a proxy in between", 2},
	}
	m := make(map[string]reason, len(list))
	for _, r := range list {
		m[r.name] = r
	}
	return m
}

// diagnose names the trouble behind an error; "" is trouble of our own side, told elsewhere.
func diagnose(err error) string {
	var e *api.Error
	var own *doorError
	switch {
	case errors.As(err, &own):
		return ""
	case errors.Is(err, api.ErrKey):
		return "key_missing"
	case errors.Is(err, api.ErrMalformed), errors.Is(err, errNoDate):
		return "malformed"
	case errors.Is(err, api.ErrTooLarge):
		return "refused"
	case !errors.As(err, &e):
		return "unreachable"
	case e.KeyRefused():
		return "key_refused"
	case e.Forbidden():
		return "forbidden"
	case e.Disabled():
		return "feed_off"
	case e.Status == http.StatusTooManyRequests:
		return "limited"
	case !e.Retryable() && e.Status/100 == 4:
		return "refused"
	}
	return "unreachable"
}

// failed tells of trouble and returns how long to wait before the next step.
func (c *Collector) failed(ctx context.Context, err error) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	c.failures++
	wait := api.Backoff(c.failures + 2)
	name := diagnose(err)
	r := reasons()[name]
	if name == "" || c.failures < r.patience {
		c.log.WarnContext(ctx, "the activity feed was not read; it is tried again", "error", err)
		return wait
	}
	if c.st.Trouble != nil && c.st.Trouble.Reason == name {
		c.health.Raise("compliance."+name, r.severity, r.text) // after a restart it is known and not yet raised
		return wait
	}
	c.log.ErrorContext(ctx, "the activity feed cannot be read", "reason", name, "error", err)
	if err := c.interrupted(ctx, r, err); err != nil {
		c.log.WarnContext(ctx, "that the activity feed cannot be read is not on record", "error", err)
	}
	return wait
}

// interrupted raises the condition and records it.
func (c *Collector) interrupted(ctx context.Context, r reason, cause error) error {
	c.clearTrouble()
	c.health.Raise("compliance."+r.name, r.severity, r.text)
	next := c.st.clone()
	t := trouble{Reason: r.name, Since: time.Now().UTC().Truncate(time.Second)}
	var e *api.Error
	if errors.As(cause, &e) {
		t.Status, t.Request = e.Status, e.RequestID
	}
	next.Trouble = &t
	attrs := audit.Attrs{
		text("feed", "compliance.activity"), text("reason", t.Reason), count("status", int64(t.Status)), text("request_id", t.Request),
	}
	if !c.st.Seen.IsZero() {
		attrs = append(attrs, text("read_up_to", stamp(c.st.Seen)))
	}
	return c.act(ctx, next, intake.Act{
		Type: TypeInterrupted, Activity: audit.ActivityOperation, Outcome: audit.OutcomeFailure, Account: c.self(), Attributes: attrs,
	})
}

// succeeded ends the trouble there was.
func (c *Collector) succeeded(ctx context.Context) error {
	c.failures = 0
	t := c.st.Trouble
	if t == nil {
		return nil
	}
	next := c.st.clone()
	next.Trouble = nil
	err := c.act(ctx, next, intake.Act{Type: TypeResumed, Activity: audit.ActivityOperation, Account: c.self(), Attributes: audit.Attrs{
		text("feed", "compliance.activity"), text("reason", t.Reason), text("since", stamp(t.Since)),
	}})
	if err != nil {
		return err
	}
	c.clearTrouble()
	c.log.InfoContext(ctx, "the activity feed is read again", "reason", t.Reason, "since", t.Since)
	return nil
}

func (c *Collector) clearTrouble() {
	for name := range reasons() {
		c.health.Clear("compliance." + name)
	}
}

const (
	conditionLag   = "compliance.lag"
	conditionClock = "compliance.clock"

	lagWarning  = 5 * time.Minute
	lagCritical = time.Hour
	clockOff    = time.Minute
)

// lag raises or clears the conditions of polls that are behind and of a local clock that is wrong.
func (c *Collector) lag() {
	now, ahead, known := c.client.Now()
	if !known {
		return
	}
	if ahead.Abs() > clockOff {
		c.health.Raise(conditionClock, health.Warning, fmt.Sprintf("this machine's clock differs from the Compliance API's by %v: "+
			"the feed is read by the server's time, but recorded times are ours; look at the machine's time synchronisation", ahead.Round(time.Second)))
	} else {
		c.health.Clear(conditionClock)
	}
	if c.st.Seen.IsZero() || !c.polled && c.failures == 0 { // the first poll is under way
		return
	}
	behind := now.Sub(c.st.Seen)
	c.stats.lag.Set(behind.Seconds())
	switch text := "the activity feed is read up to " + stamp(c.st.Seen) + " only: look for what else is wrong with it"; {
	case behind > lagCritical:
		c.health.Raise(conditionLag, health.Critical, text)
	case behind > lagWarning:
		c.health.Raise(conditionLag, health.Warning, text)
	default:
		c.health.Clear(conditionLag)
	}
}
