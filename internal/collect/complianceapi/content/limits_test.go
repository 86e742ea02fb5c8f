package content_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/content"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

// TestListsAskForTheMost: each page costs a request of a budget that all share.
func TestListsAskForTheMost(t *testing.T) {
	t.Parallel()
	b := open(t, capture.Config{}, simulated.Options{})
	var mu sync.Mutex
	limits := map[string]string{}
	b.inject = func(r *http.Request) *http.Response {
		mu.Lock()
		defer mu.Unlock()
		if q := r.URL.Query(); q.Get("limit") != "1" {
			limits[strings.TrimPrefix(r.URL.Path, "/v1/compliance/apps/")] = q.Get("limit")
		}
		return nil
	}
	b.finished(content.Config{Start: noon().Add(-time.Hour)})
	for path, want := range map[string]string{"sessions/local": "500", "sessions/remote": "500", "chats": "1000", "projects": "100", "code/artifacts": "100"} {
		if limits[path] != want {
			t.Errorf("%s was asked for %q at once, want %s", path, limits[path], want)
		}
	}
}

// TestLongPage: however many things a page of a list brings, the state that is written with each of them stays small.
func TestLongPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, v := script(t)
		v.page = 500
		v.add(500, "cowork")
		var mu sync.Mutex
		largest := 0
		b.committing = func(cursors map[string][]byte) {
			mu.Lock()
			defer mu.Unlock()
			if len(cursors) > 8 {
				return // the page of the list itself
			}
			for _, value := range cursors {
				largest = max(largest, len(value))
			}
		}
		_, stop := b.run(content.Config{Start: time.Now().Add(-time.Hour)}, nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		stop()
		if n := len(b.said()); n != 500 {
			t.Errorf("%d of 500 sessions were read", n)
		}
		if largest == 0 || largest > 16_000 {
			t.Errorf("up to %d bytes of state are written with a transcript", largest)
		}
	})
}
