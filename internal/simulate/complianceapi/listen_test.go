package complianceapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// TestServer: what is announced is what a client needs, and Run ends with its context.
func TestServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := complianceapi.Listen(ctx, "127.0.0.1:0", complianceapi.Options{World: world.New(world.Options{Seed: 7}), Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	var line bytes.Buffer
	if err := s.Announce(&line); err != nil {
		t.Fatal(err)
	}
	var said struct {
		URL, Org string
		Read     string `json:"read_key"`
		Delete   string `json:"delete_key"`
		Limited  string `json:"limited_key"`
	}
	if err := json.Unmarshal(line.Bytes(), &said); err != nil || strings.Count(line.String(), "\n") != 1 {
		t.Fatalf("%v in %s", err, line.String())
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for _, path := range []string{"/activities", "/organizations/" + said.Org + "/users"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, said.URL+"/v1/compliance"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", said.Read)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := drain(resp); err != nil || n == 0 || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, %d bytes, %v", path, resp.StatusCode, n, err)
		}
		_ = resp.Body.Close()
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{})
	f := func(o complianceapi.Options) {
		t.Helper()
		if _, err := complianceapi.New(o); err == nil {
			t.Errorf("%+v is taken", o.Faults)
		}
	}
	f(complianceapi.Options{})
	f(complianceapi.Options{World: w, Volume: -1})
	f(complianceapi.Options{World: w, Faults: complianceapi.Faults{Late: 1.1}})
	f(complianceapi.Options{World: w, Faults: complianceapi.Faults{TooMany: 0.6, Internal: 0.6}})
	if _, err := complianceapi.New(complianceapi.Options{World: w, Faults: complianceapi.Rough()}); err != nil {
		t.Error(err)
	}
}
