package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Settings are those in force in an organisation, and the Compliance Access Keys of its parent.
type Settings struct {
	Rows      []json.RawMessage // each as it came: name, type and value. A setting that administrators cannot control has none
	Keys      []json.RawMessage // each as it came, never with a secret; nil where the answer has no list of them
	RequestID string
	Date      time.Time // the server's time of the answer; zero where it did not say
}

// Settings fetches them. The parent itself is no valid target. The route is enabled for each parent apart: where it is
// not, every organisation is answered 404.
//
// Source: https://platform.claude.com/docs/en/api/compliance/organizations/settings.
func (c *Client) Settings(ctx context.Context, org string, p Priority) (Settings, error) {
	path, err := route("/v1/compliance/organizations/%s/settings", org)
	if err != nil {
		return Settings{}, err
	}
	a, err := c.get(ctx, path, url.Values{}, p)
	if err != nil {
		return Settings{}, err
	}
	s, err := decodeSettings(a.body, org)
	if err != nil {
		return Settings{}, fmt.Errorf("%s, request %s: %w", path, a.requestID, err)
	}
	s.RequestID, s.Date = a.requestID, a.date
	return s, nil
}

// decodeSettings reads an answer. One about another organisation is none: something in between keeps answers.
func decodeSettings(body []byte, org string) (Settings, error) {
	var b struct {
		Organization string             `json:"organization_id"`
		Settings     *[]json.RawMessage `json:"settings"`
		Keys         []json.RawMessage  `json:"api_keys"`
	}
	if err := json.Unmarshal(body, &b); err != nil || b.Settings == nil {
		return Settings{}, fmt.Errorf("%w: no JSON object with settings", ErrMalformed)
	}
	if b.Organization != "" && !strings.EqualFold(b.Organization, org) {
		return Settings{}, fmt.Errorf("%w: settings of another organisation than the one asked for", ErrMalformed)
	}
	return Settings{Rows: *b.Settings, Keys: b.Keys}, nil
}
