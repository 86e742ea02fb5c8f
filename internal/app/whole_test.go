package app

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/tripod-audit/tripod/internal/access/casebook"
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
