package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/journal"
)

// TestLongAnswer: what serve answers a command comes whole, a list or content that is long included.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "tripod") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, journal.FileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := CaseAnswer{Pieces: []casebook.Piece{{Name: "prompt", Text: make([]byte, 1<<20)}}}
	for i := range 1000 {
		want.Cases = append(want.Cases, casebook.Case{ID: fmt.Sprintf("C-2026-%04d", i+1)})
	}
	ln, err := net.Listen("unix", socketPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(want) })}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	got, err := Case(t.Context(), dir, nil, CaseOrder{Do: "list"})
	if err != nil || len(got.Cases) != len(want.Cases) || len(got.Pieces) != 1 || len(got.Pieces[0].Text) != 1<<20 {
		t.Errorf("%v, %v", got, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-done
}

// TestKnownAs: where the view of the organisation cannot be read, nobody can tell what a custodian's is, and that is an error;
// without serve the files are asked.
func TestKnownAs(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	known := func() error {
		tr, err := OpenTruth(ctx, TruthOptions{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		_, err = tr.knownAs(ctx, "dana@example.com")
		if err := tr.Close(ctx); err != nil {
			t.Fatal(err)
		}
		return err
	}
	if known() == nil {
		t.Error("without a view nobody is known, and that passes for an answer")
	}
	if err := Rebuild(ctx, dir, "organisation", nil); err != nil {
		t.Fatal(err)
	}
	if err := known(); err != nil {
		t.Error(err)
	}
}

// TestReloadWhileAsked: what pages ask of the configuration and a reload that changes it do not get into each other's way; the
// race detector tells.
func TestReloadWhileAsked(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Listen = config.Listen{Console: "127.0.0.1:0"}
	a, err := New(ctx, Options{Config: cfg, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := a.Reload(ctx, func() (config.Config, error) { return cfg, nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			_ = a.standing(ctx)
			if _, err := a.expiring(ctx, time.Now()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	cfg.Access.OIDC.Issuer, cfg.Console.TLS.Cert = "https://idp.example.com", "cert.pem"
	if got := consoleProtection(&cfg); got != "TLS, sign-in at the identity provider" {
		t.Error(got)
	}
}
