package post

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Token asks a token endpoint for an access token (RFC 6749, section 5.1), and says for how long it is good. That the endpoint
// refuses the client, with 400, 401 or 403, is an *AuthError with the error code that it gives.
func (p *Poster) Token(ctx context.Context, endpoint string, form url.Values) (secret.String, time.Duration, error) {
	a, err := p.Do(ctx, Request{URL: endpoint, Type: "application/x-www-form-urlencoded", Body: []byte(form.Encode())})
	if err != nil {
		return secret.String{}, 0, fmt.Errorf("ask for an access token: %w", err)
	}
	var r struct {
		AccessToken string      `json:"access_token"`
		ExpiresIn   json.Number `json:"expires_in"`
		Error       string      `json:"error"`
	}
	jsonErr := json.Unmarshal(a.Body, &r)
	switch {
	case a.Status == http.StatusBadRequest, a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return secret.String{}, 0, &forward.AuthError{Err: fmt.Errorf("ask for an access token: the endpoint answers %d %s", a.Status, code(r.Error))}
	case a.Err != nil:
		return secret.String{}, 0, fmt.Errorf("ask for an access token: %w", a.Err)
	case jsonErr != nil || r.AccessToken == "":
		return secret.String{}, 0, errors.New("ask for an access token: the answer has none")
	}
	life, err := r.ExpiresIn.Int64()
	if err != nil || life <= 0 || life > int64(24*time.Hour/time.Second) {
		life = 600 // not told, or not to be believed
	}
	return secret.New(r.AccessToken), time.Duration(life) * time.Second, nil
}

// code lets through what RFC 6749 has as an error code, and nothing an endpoint could quote.
func code(s string) string {
	if len(s) > 60 {
		return ""
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && c != '_' {
			return ""
		}
	}
	return s
}
