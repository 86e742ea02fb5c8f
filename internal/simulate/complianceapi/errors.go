package complianceapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// refusal is an answer of the error form.
type refusal struct {
	status  int
	kind    string
	message string
	code    string // error.details.error_code
	retry   string // x-should-retry
}

func (e *refusal) body() []byte {
	type details struct {
		Code string `json:"error_code"`
	}
	var b struct {
		Error struct {
			Type    string   `json:"type"`
			Message string   `json:"message"`
			Details *details `json:"details,omitempty"`
		} `json:"error"`
	}
	b.Error.Type, b.Error.Message = e.kind, e.message
	if e.code != "" {
		b.Error.Details = &details{e.code}
	}
	out, err := json.Marshal(b)
	if err != nil {
		return []byte(`{"error":{"type":"api_error","message":"Internal server error"}}`)
	}
	return out
}

func invalid(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, kind: "invalid_request_error", message: fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) *refusal {
	return &refusal{status: http.StatusNotFound, kind: "not_found_error", message: fmt.Sprintf(format, args...)}
}

func unauthenticated(message string) *refusal {
	return &refusal{status: http.StatusUnauthorized, kind: "authentication_error", message: message}
}

// scopeless says which scopes a key lacks.
func scopeless(got, need []string, deletes bool) *refusal {
	list := func(scopes []string) string {
		if len(scopes) == 0 {
			return "[]"
		}
		return "['" + strings.Join(scopes, "', '") + "']"
	}
	word := "Needed one of"
	if deletes {
		word = "Needed"
	}
	return &refusal{
		status: http.StatusForbidden, kind: "permission_error",
		message: fmt.Sprintf("Missing required scopes. Got: %s %s: %s", list(got), word, list(need)),
	}
}

func overBudget(rate int) *refusal {
	return &refusal{status: http.StatusTooManyRequests, kind: "rate_limit_error", message: fmt.Sprintf(
		"Compliance API rate limit of %d requests per minute per parent organization has been exceeded. Retry after the time indicated "+
			"by the retry-after header. Quote the request-id response header when contacting Anthropic support.", rate)}
}

func notEnabled() *refusal { return invalid("Compliance API is not enabled for this organization") }

func (a *API) conflict(project string) *refusal {
	kind := "invalid_request_error"
	if a.opts.Wording == August {
		kind = "conflict_error"
	}
	return &refusal{status: http.StatusConflict, kind: kind, message: fmt.Sprintf(
		"The %q project cannot be deleted as it has chats attached to it. Delete or detach all chats, and try deleting the project again.", project)}
}
