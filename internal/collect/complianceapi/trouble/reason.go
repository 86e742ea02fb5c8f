package trouble

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// reason is a kind of trouble: how bad it is, and what to do about it.
type reason struct {
	name     string
	severity health.Severity
	text     string
	patience int // failures in a row before it is told
}

// reasons are all kinds of trouble, in the words of the part that is watched.
func reasons(c Config) map[string]reason {
	scope := c.Scope
	if scope == "" {
		scope = "the scope for it"
	}
	leave := "" // the feed itself cannot be left out
	if c.Part != "" {
		leave = ", or leave the part out with compliance.without"
	}
	list := []reason{
		{"key_missing", health.Critical, "there is no key to read " + c.What + " with: see TRIPOD_COMPLIANCE_KEY, …_KEY_FILE or …_KEY_COMMAND", 1},
		{"key_refused", health.Critical, "the Compliance API refuses the key: it was disabled, deleted or expired, or is no Compliance Access Key; " +
			"make another in claude.ai, Organization settings, API, and put it in place. Nothing is lost: reading goes on where it stopped", 1},
		{"forbidden", health.Critical, "the key may not read " + c.What + ": it lacks " + scope + ". Scopes of a key cannot be changed: make another" + leave, 1},
		{"console_key", health.Warning, "the key is an Admin API key of a Console organisation, which has the activity feed and nothing else: it does not read " + c.What + ". " +
			"Where the organisation is linked to a Claude Enterprise parent, a Compliance Access Key of the parent reads it; where it stands alone there is nothing to read: leave it out with compliance.without", 1},
		{"feed_off", health.Critical, "the Compliance API is switched off for this organisation: nothing that happens meanwhile can be recovered; " +
			"the primary owner switches it on in claude.ai, Organization settings, API", 1},
		{"refused", health.Critical, "the Compliance API refuses how " + c.What + " is asked: see the log, and whether there is a newer build", 1},
		{"not_granted", health.Warning, "the Compliance API shows " + c.What + " to nobody, or not of all organisations: the vendor enables it for each parent " +
			"organisation apart. Ask Anthropic for it, or leave it out of what is collected", 1},
		{"unavailable", health.Warning, "the Compliance API does not offer this organisation " + c.What + ", as with HIPAA readiness: there is nothing of them to read. " +
			"All else is read; it is asked again every ten minutes", 1},
		{"incomplete", health.Warning, "some lists of " + c.What + " cannot be read: the last statement of it names them. What was known of them stands, so that nobody " +
			"counts as gone by them; the rest is read. It is tried again", 2},
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

// Diagnose names the trouble behind an error: "key_missing", "key_refused", "forbidden", "console_key", "feed_off", "refused",
// "not_granted", "incomplete", "unavailable", "unreachable", "limited" or "malformed". "" is trouble of our own side, which journal and content store tell of
// themselves.
func Diagnose(err error) string {
	var e *api.Error
	var own *ourError
	switch {
	case errors.As(err, &own), errors.Is(err, intake.ErrUnavailable):
		return ""
	case errors.Is(err, api.ErrKey):
		return "key_missing"
	case errors.Is(err, ErrNotGranted):
		return "not_granted"
	case errors.Is(err, ErrPartial):
		return "incomplete"
	case errors.Is(err, api.ErrMalformed):
		return "malformed"
	case errors.Is(err, api.ErrTooLarge):
		return "refused"
	case !errors.As(err, &e):
		return "unreachable"
	case e.KeyRefused():
		return "key_refused"
	case e.ConsoleKey():
		return "console_key"
	case e.Forbidden():
		return "forbidden"
	case e.Disabled():
		return "feed_off"
	case e.Status == http.StatusTooManyRequests:
		return "limited"
	case e.Status == http.StatusNotFound && strings.Contains(e.Message, "not available"):
		return "unavailable"
	case !e.Retryable() && e.Status/100 == 4:
		return "refused"
	}
	return "unreachable"
}

// ErrNotGranted marks the answer of a route that the vendor has not enabled for the parent organisation.
var ErrNotGranted = errors.New("not enabled for this parent organisation")

// ErrPartial marks trouble of some lists of a part while the others were read.
var ErrPartial = errors.New("some lists could not be read")

// Ours marks an error as trouble of our own side: what the API said could not be kept.
func Ours(err error) error {
	if err == nil {
		return nil
	}
	return &ourError{err}
}

type ourError struct{ err error }

func (e *ourError) Error() string { return "keep what the Compliance API said: " + e.err.Error() }
func (e *ourError) Unwrap() error { return e.err }
