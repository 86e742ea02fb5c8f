package llmgateway

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// refusal is an answer of our own, in the shape of the API's errors (https://platform.claude.com/docs/en/api/errors).
type refusal struct {
	status  int
	kind    string // error.type
	text    string // for whoever reads it at the client; no content, no credential
	noRetry bool   // the client is told not to send it again
	why     string // the body was not read, for the record
}

// Statuses that clients show verbatim after one attempt, as measured with Claude Code 2.1.330: 400 is sent six times over,
// 403 is shown as a failed sign-in.
const statusPolicy = http.StatusUnavailableForLegalReasons

// newRequestID makes the id of an answer that no upstream has given.
func newRequestID() string { return "req_tripod_" + strings.ToLower(rand.Text()) }

// write answers with a refusal.
func (f refusal) write(w http.ResponseWriter, requestID string) {
	body, err := json.Marshal(struct {
		Type  string `json:"type"`
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"error"`
		RequestID string `json:"request_id"`
	}{Type: "error", Error: struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}{f.kind, f.text}, RequestID: requestID})
	if err != nil {
		body = []byte(`{"type":"error","error":{"type":"api_error","message":"refused"}}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Request-Id", requestID)
	if f.noRetry {
		h.Set("X-Should-Retry", "false")
	}
	if f.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Tripod realm="gateway"`)
	}
	w.WriteHeader(f.status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}
