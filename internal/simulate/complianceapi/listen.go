package complianceapi

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

// Server is the stand-in on a socket.
type Server struct {
	api *API
	lis net.Listener
}

// Listen binds addr, such as 127.0.0.1:0. Run serves it; until then, connections wait.
func Listen(ctx context.Context, addr string, o Options) (*Server, error) {
	a, err := New(o)
	if err != nil {
		return nil, err
	}
	lis, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the simulated compliance api: %w", err)
	}
	return &Server{api: a, lis: lis}, nil
}

// API is what the server serves.
func (s *Server) API() *API { return s.api }

// URL is where clients find it, without /v1/compliance.
func (s *Server) URL() string { return "http://" + s.lis.Addr().String() }

// Announce writes one JSON line with what a client needs.
func (s *Server) Announce(w io.Writer) error {
	k, org := s.api.keys, s.api.org(claude)
	err := json.NewEncoder(w).Encode(struct {
		URL        string `json:"url"`
		Read       string `json:"read_key"`
		Read2      string `json:"second_read_key"`
		Delete     string `json:"delete_key"`
		Limited    string `json:"limited_key"`
		Audit      string `json:"audit_key"`
		Admin      string `json:"admin_key"`
		Standalone string `json:"standalone_key"`
		Org        string `json:"org"`
		OrgName    string `json:"org_name"`
		Parent     string `json:"parent"`
		Since      string `json:"since"`
	}{
		s.URL(), k.Read, k.Read2, k.Delete, k.Limited, k.Audit, k.Admin, k.Standalone, org.UUID, org.Name, s.api.org(parent).UUID,
		s.api.opts.Since.Format(time.RFC3339),
	})
	if err != nil {
		return fmt.Errorf("announce the simulated compliance api: %w", err)
	}
	return nil
}

// stopGrace is how long Run waits for answers that noticed too late that they were cut.
const stopGrace = 5 * time.Second

// Run serves until ctx ends; answers in the middle are cut, and Run returns when the last handler has. It owns the listener
// and closes it.
func (s *Server) Run(ctx context.Context) error {
	srv := &http.Server{Handler: s.api.Handler(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(s.lis) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the simulated compliance api: %w", err)
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
		return fmt.Errorf("stop the simulated compliance api: %w", err)
	}
	return nil
}
