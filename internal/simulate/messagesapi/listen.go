package messagesapi

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
func Listen(ctx context.Context, addr string, opts Options) (*Server, error) {
	lis, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the simulated messages api: %w", err)
	}
	return &Server{api: New(opts), lis: lis}, nil
}

// URL is where clients find it: the value of ANTHROPIC_BASE_URL.
func (s *Server) URL() string { return "http://" + s.lis.Addr().String() }

// Announce writes one JSON line with what a client needs.
func (s *Server) Announce(w io.Writer) error {
	key := s.api.opts.Key
	if key == "" {
		key = FakeKey
	}
	err := json.NewEncoder(w).Encode(struct {
		URL string `json:"url"`
		Key string `json:"key"`
	}{s.URL(), key})
	if err != nil {
		return fmt.Errorf("announce the simulated messages api: %w", err)
	}
	return nil
}

// stopGrace is how long Run waits for answers that noticed too late that they were cut.
const stopGrace = 5 * time.Second

// Run serves until ctx ends; answers in the middle are cut, and Run returns when the last handler has. It owns the
// listener and closes it.
func (s *Server) Run(ctx context.Context) error {
	srv := &http.Server{
		Handler:           s.api,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(s.lis) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the simulated messages api: %w", err)
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
		return fmt.Errorf("stop the simulated messages api: %w", err)
	}
	return nil
}
