package complianceapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// bench is an API under test with its clock, on a Thursday afternoon.
type bench struct {
	t     *testing.T
	api   *complianceapi.API
	clock *clock
	world *world.World
}

func noon() time.Time { return time.Date(2026, 11, 19, 15, 0, 0, 0, time.UTC) }

func newBench(t *testing.T, o complianceapi.Options) *bench {
	t.Helper()
	b := &bench{t: t, clock: &clock{t: noon()}}
	if o.World == nil {
		o.World = world.New(world.Options{Seed: 7})
	}
	b.world = o.World
	o.Now = b.clock.now
	if o.Since.IsZero() {
		o.Since = noon().AddDate(0, 0, -1).Truncate(24 * time.Hour)
	}
	var err error
	if b.api, err = complianceapi.New(o); err != nil {
		t.Fatal(err)
	}
	return b
}

// past is one API whose clock stands, for tests that only read: what it has made of the world serves them all.
var past = sync.OnceValues(func() (*complianceapi.API, *world.World) {
	w := world.New(world.Options{Seed: 7})
	api, err := complianceapi.New(complianceapi.Options{
		World: w, Now: noon, Since: noon().AddDate(0, 0, -1).Truncate(24 * time.Hour), Rate: -1, RemoteRate: -1,
	})
	if err != nil {
		panic(err)
	}
	return api, w
})

// reader is a bench of that API. Its clock must not be set.
func reader(t *testing.T) *bench {
	t.Helper()
	api, w := past()
	return &bench{t: t, api: api, clock: &clock{t: noon()}, world: w}
}

// reply is an answer as a client reads it.
type reply struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (b *bench) do(method, key, path string, query ...string) reply {
	b.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		v.Add(query[i], query[i+1])
	}
	target := "/v1/compliance" + path
	if len(v) > 0 {
		target += "?" + v.Encode()
	}
	r := httptest.NewRequest(method, target, nil)
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	w := httptest.NewRecorder()
	b.api.Handler().ServeHTTP(w, r)
	rep := reply{status: w.Code, header: w.Header(), raw: w.Body.Bytes()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(rep.raw, &rep.body); err != nil {
			b.t.Fatalf("%s %s: %v in %s", method, target, err, rep.raw)
		}
	}
	return rep
}

// get reads with the reading key and wants an answer.
func (b *bench) get(path string, query ...string) reply {
	b.t.Helper()
	r := b.do(http.MethodGet, b.api.Keys().Read, path, query...)
	if r.status != http.StatusOK {
		b.t.Fatalf("GET %s %v: %d %s", path, query, r.status, r.raw)
	}
	return r
}

func (r reply) message() (kind, message string) {
	e, _ := r.body["error"].(map[string]any)
	kind, _ = e["type"].(string)
	message, _ = e["message"].(string)
	return kind, message
}

func (r reply) data() []map[string]any {
	var list []map[string]any
	for _, v := range r.body["data"].([]any) {
		list = append(list, v.(map[string]any))
	}
	return list
}

func (r reply) text(name string) string {
	s, _ := r.body[name].(string)
	return s
}

func ids(list []map[string]any) []string {
	var out []string
	for _, v := range list {
		out = append(out, v["id"].(string))
	}
	return out
}

func drain(r *http.Response) (int64, error) { return io.Copy(io.Discard, r.Body) }
