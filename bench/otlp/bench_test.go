package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
)

func TestQuantileAndMedian(t *testing.T) {
	t.Parallel()
	values := []int{5, 1, 4, 2, 3, 10, 9, 8, 7, 6}
	for _, c := range []struct {
		q    float64
		want int
	}{{0, 1}, {0.5, 5}, {0.9, 9}, {0.99, 10}, {1, 10}} {
		if got := quantile(values, c.q); got != c.want {
			t.Errorf("quantile %v: %d, want %d", c.q, got, c.want)
		}
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median %v, want 2.5", got)
	}
	if quantile([]int(nil), 0.5) != 0 || median(nil) != 0 {
		t.Error("nothing has a middle")
	}
}

func TestCountRecords(t *testing.T) {
	t.Parallel()
	const lines = `{"v":1,"keys":{"session":"a"},"sequence":0}
{"v":1,"keys":{"session":"a"},"sequence":1}
{"v":1,"keys":{"session":"b"},"sequence":0}
{"v":1,"keys":{"session":"a"},"sequence":1}
`
	kept, distinct, err := countRecords(strings.NewReader(lines))
	if kept != 4 || distinct != 3 || err != nil {
		t.Errorf("%d kept, %d distinct, %v", kept, distinct, err)
	}
	if _, _, err := countRecords(strings.NewReader(`{"keys":{"session":"a"}}`)); err == nil {
		t.Error("a record without a sequence counts")
	}
}

// Both senders must deliver every export once, come again when told to, and
// count only what was acknowledged.
func TestOffer(t *testing.T) {
	t.Parallel()
	w, err := newWorkload(5, 10, 400, 4, testNow)
	if err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, got map[string]int, refusals int, dial func(context.Context) (sender, error)) {
		t.Helper()
		o, err := offer(t.Context(), w, dial, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if o.records != 400 || o.exports != 40 || len(o.latencies) != 40 || o.refusals != refusals || o.cut {
			t.Errorf("%d records, %d exports, %d refusals, cut %t", o.records, o.exports, o.refusals, o.cut)
		}
		for _, exports := range w.lanes {
			for _, e := range exports {
				if got[string(e.body)] != 1 {
					t.Errorf("export arrived %d times", got[string(e.body)])
				}
			}
		}
	}
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		got, refused := map[string]int{}, false
		srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || r.URL.Path != "/v1/logs" || r.Header.Get("Content-Type") != "application/x-protobuf" {
				t.Errorf("bad request %s: %v", r.URL, err)
			}
			if !refused {
				refused = true
				rw.Header().Set("Retry-After", "0")
				rw.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			got[string(body)]++
		}))
		t.Cleanup(srv.Close)
		check(t, got, 1, func(ctx context.Context) (sender, error) { return dialHTTP(ctx, srv.Listener.Addr().String()) })
	})
	t.Run("grpc", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		got := map[string]int{}
		srv := grpc.NewServer(grpc.ForceServerCodecV2(encodedBytes{}), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
			var body []byte
			if err := s.RecvMsg(&body); err != nil {
				return err
			}
			mu.Lock()
			got[string(body)]++
			mu.Unlock()
			return s.SendMsg([]byte{})
		}))
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		t.Cleanup(func() { srv.Stop(); <-served })
		check(t, got, 0, func(ctx context.Context) (sender, error) { return dialGRPC(ctx, l.Addr().String()) })
	})
}

func TestOfferStopsAtRefusal(t *testing.T) {
	t.Parallel()
	w, err := newWorkload(5, 10, 100, 1, testNow)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadRequest) }))
	t.Cleanup(srv.Close)
	o, err := offer(t.Context(), w, func(ctx context.Context) (sender, error) { return dialHTTP(ctx, srv.Listener.Addr().String()) }, time.Minute)
	if err == nil || o.records != 0 {
		t.Errorf("%d records, %v", o.records, err)
	}
}

func TestRatios(t *testing.T) {
	t.Parallel()
	r := report{Workloads: []workloadRow{{Size: 100}}}
	for round, speed := range []float64{100, 50, 200} {
		r.Cells = append(r.Cells,
			cell{System: "collector", Size: 100, Round: round, Acked: speed, Findable: speed / 2, Disk: 1000, latencies: []time.Duration{time.Second}},
			cell{System: "tripod", Size: 100, Round: round, Acked: 3 * speed, Findable: speed, Disk: 400, latencies: []time.Duration{time.Second}})
	}
	r.sum()
	if len(r.Rows) != 2 || len(r.Ratios) != 1 {
		t.Fatalf("%d rows, %d ratios", len(r.Rows), len(r.Ratios))
	}
	x := r.Ratios[0]
	if x.Acked != 3 || x.Findable != 2 || x.Strict != 1 || x.Disk != 0.4 {
		t.Errorf("acknowledged %v, searchable %v, strict %v, disk %v", x.Acked, x.Findable, x.Strict, x.Disk)
	}
	for _, g := range r.goals() {
		if !g.met {
			t.Errorf("not met: %s", g.what)
		}
	}
}

// encodedBytes is the server's side of encoded.
type encodedBytes struct{ encoded }

func (encodedBytes) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
