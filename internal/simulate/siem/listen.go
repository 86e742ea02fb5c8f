package siem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Server is the receivers on a socket.
type Server struct {
	siem *SIEM
	lis  net.Listener
}

// Listen binds addr, such as 127.0.0.1:0. Run serves it; until then, connections wait.
func Listen(ctx context.Context, addr string, o Options) (*Server, error) {
	lis, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the simulated siem: %w", err)
	}
	return &Server{siem: New(o), lis: lis}, nil
}

// SIEM is what the server serves.
func (s *Server) SIEM() *SIEM { return s.siem }

// URL is where every one of the receivers is found.
func (s *Server) URL() string { return "http://" + s.lis.Addr().String() }

// Announce writes one JSON line with what a sender needs.
func (s *Server) Announce(w io.Writer) error {
	err := json.NewEncoder(w).Encode(struct {
		URL            string          `json:"url"`
		Token          string          `json:"splunk_token"`
		AckToken       string          `json:"splunk_ack_token"`
		ElasticKey     string          `json:"elastic_api_key"`
		Tenant         string          `json:"sentinel_tenant"`
		Client         string          `json:"sentinel_client_id"`
		ClientSecret   string          `json:"sentinel_client_secret"`
		Rule           string          `json:"sentinel_rule"`
		ServiceAccount json.RawMessage `json:"secops_service_account"`
		DatadogKey     string          `json:"datadog_api_key"`
	}{s.URL(), FakeToken, FakeAckToken, FakeElasticKey, FakeTenant, FakeClient, FakeClientSecret, FakeRule, s.siem.ServiceAccount(s.URL()), FakeDatadogKey})
	if err != nil {
		return fmt.Errorf("announce the simulated siem: %w", err)
	}
	return nil
}

// stopGrace is how long Run waits for answers under way.
const stopGrace = 5 * time.Second

// Run serves until ctx ends, and returns when the last handler has. It owns the listener and closes it.
func (s *Server) Run(ctx context.Context) error {
	srv := &http.Server{Handler: s.siem, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(s.lis) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the simulated siem: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	err := srv.Shutdown(stop)
	if err != nil {
		err = errors.Join(err, srv.Close())
	}
	if served := <-served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("stop the simulated siem: %w", err)
	}
	return nil
}
