package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

func TestPagesShowHostileRecordsInert(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.Hostile(time.Now())
	b.SignIn()
	for _, path := range []string{"/", "/activity", "/activity/counts" + query("-source:tripod"), "/activity/new?since=0&q=", "/activity?q=&order=oldest"} {
		a := b.Get(path)
		consoletest.CheckInert(t, path, a.Body)
		if strings.HasPrefix(path, "/activity?") && !strings.Contains(a.Body, consoletest.Mark) {
			t.Errorf("%s shows none of it: the test proves nothing", path)
		}
		if len(a.Body) > 2<<20 {
			t.Errorf("%s: %d bytes: long values are not cut", path, len(a.Body))
		}
	}
}

func TestPagesShowHostileQueriesInert(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	b, _ := filled(t)
	for _, v := range consoletest.HostileValues() {
		for _, q := range []string{v, "tool:" + v, `"` + v, `user:"` + v + `" outcome:denied`, "-mcp:" + v + "*"} {
			if len(q) > 5000 {
				q = q[:5000]
			}
			a := b.Get("/activity" + query(q))
			consoletest.CheckInert(t, "query "+q[:min(60, len(q))], a.Body)
		}
	}
}
