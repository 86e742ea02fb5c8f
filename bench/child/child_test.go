package child_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/bench/child"
)

func TestProcess(t *testing.T) {
	t.Parallel()
	p, err := child.Start(exec.Command("sleep", "600"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if peak, err := child.PeakMemory(p.PID()); peak < 4096 || err != nil {
		t.Errorf("peak memory %d, %v", peak, err)
	}
	if _, err := child.CPU(p.PID()); err != nil {
		t.Error(err)
	}
	p.Kill()
	if ended, err := p.Ended(); !ended || err == nil {
		t.Errorf("after a kill: ended %v, %v", ended, err)
	}
	if err := p.Stop(); err == nil {
		t.Error("what was killed was stopped")
	}
}

func TestMachineCPU(t *testing.T) {
	t.Parallel()
	if used, err := child.MachineCPU(); used <= 0 || err != nil {
		t.Errorf("the machine has used %v, %v", used, err)
	}
}

func TestConsole(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("# HELP a b\n# TYPE a gauge\na 1.2e+06\n" + `b{view="in two words"} 17` + "\n"))
	}))
	defer srv.Close()
	got, err := child.Gauges(t.Context(), srv.URL+"/metrics")
	if d := cmp.Diff(map[string]float64{"a": 1_200_000, `b{view="in two words"}`: 17}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	file := filepath.Join(t.TempDir(), "new", "file")
	if err := child.Save(t.Context(), srv.URL+"/nothing", file); err == nil {
		t.Error("a 404 was saved")
	}
	if err := child.Save(t.Context(), srv.URL+"/metrics", file); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || len(b) == 0 {
		t.Errorf("saved %q, %v", b, err)
	}
}
