package content_test

import (
	"bytes"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/content"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

const canary = "Works agreement 9"

var written = regexp.MustCompile(`"(name|title|filename|href|description|instructions|text|content|input)":\s*"`)

// plant puts a canary into each text of an answer that people wrote, and counts those answers by path.
func plant(t *testing.T, res *http.Response, planted map[string]int) {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	path := res.Request.URL.Path
	if res.StatusCode == http.StatusOK && !strings.HasSuffix(path, "/content") && !strings.Contains(path, "/versions/") {
		with := written.ReplaceAll(body, []byte("${0}"+canary+" "))
		if len(with) > len(body) {
			planted[regexp.MustCompile(`(local|remote|chats|files|artifacts|attachments|projects|documents|code)`).FindString(path[strings.Index(path, "/apps/")+len("/apps/"):])]++
		}
		body = with
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Del("Content-Length")
}

// TestCursorsHoldNoContent: whatever waits to be read, was put off or is amid being read when a process is killed, no cursor has
// of it what people wrote or named.
func TestCursorsHoldNoContent(t *testing.T) {
	t.Parallel()
	b := open(t, everything(), simulated.Options{})
	var mu sync.Mutex
	planted, kinds, cursors := map[string]int{}, map[string]int{}, 0
	b.answered = func(res *http.Response) {
		mu.Lock()
		defer mu.Unlock()
		plant(t, res, planted)
	}
	b.inject = func(r *http.Request) *http.Response { // a third of all insides is put off
		p := r.URL.Path
		inside := strings.Contains(p, "/files/") || strings.Contains(p, "/documents/") || strings.Contains(p, "/artifacts/") || strings.HasSuffix(p, "/messages")
		if inside && crc32.ChecksumIEEE([]byte(p))%3 == 0 {
			return refuse(http.StatusBadRequest, "Not this one.")
		}
		return nil
	}
	kind := regexp.MustCompile(`"kind":"(\w+)"`)
	b.committing = func(list map[string][]byte) {
		mu.Lock()
		defer mu.Unlock()
		for name, value := range list {
			cursors++
			if bytes.Contains(value, []byte(canary)) {
				t.Errorf("the cursor %s: %.2000s", name, value)
			}
			for _, m := range kind.FindAllSubmatch(value, -1) {
				kinds[string(m[1])]++
			}
		}
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		settled, stop := b.run(content.Config{Start: noon().Add(-8 * time.Hour)}, &crashtest.Crash{After: 50 + rng.IntN(500), Before: rng.IntN(2) == 0})
		done := settled()
		stop()
		if done {
			break
		}
	}
	for _, k := range []string{"local", "remote", "chat", "file", "generated_file", "artifact", "project_document", "code_artifact_version", "attachments", "knowledge"} {
		if kinds[k] == 0 {
			t.Errorf("no cursor had a %s to read: %v", k, kinds)
		}
	}
	for _, p := range []string{"local", "remote", "chats", "artifacts", "projects", "code"} {
		if planted[p] == 0 {
			t.Errorf("nothing was planted in %s: %v", p, planted)
		}
	}
	t.Logf("%d cursors; of %v; planted %v", cursors, kinds, planted)
}
