package app

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestStopCutsOffWhatDoesNotEnd keeps a download that nobody reads from making a stop fail or from outliving it.
func TestStopCutsOffWhatDoesNotEnd(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	began, ended := make(chan struct{}), make(chan struct{})
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		close(began)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- serveHTTP(ctx, s, ln, 50*time.Millisecond) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-began
	stop()
	if err := <-served; err != nil {
		t.Errorf("the stop failed: %v", err)
	}
	select {
	case <-ended:
	default:
		t.Error("the handler outlives what served it")
	}
}
