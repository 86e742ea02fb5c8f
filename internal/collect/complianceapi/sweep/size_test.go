package sweep

import (
	"context"
	"fmt"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/secret"
)

// large is what is known of a directory of so many accounts in a hundred groups.
func large(tb testing.TB, accounts int) known {
	tb.Helper()
	k, st := known{}, state{Salt: []byte("salt")}
	put := func(list, id string, fields ...Field) {
		is, err := fieldsOf(&Thing{ID: id, Fields: fields}, st.sum)
		if err != nil {
			tb.Fatal(err)
		}
		k.set(list, id, entry{N: 1, Is: is})
	}
	keep := func(name, v string) Field {
		return Field{Name: name, Value: audit.String(v), Class: audit.ClassMetadata, Differs: true}
	}
	for i := range accounts {
		id := "user_01" + st.sum(fmt.Append(nil, i)) + st.sum(fmt.Append(nil, -i))
		put("organization/0f0e8a50-0000-4000-8000-000000000000/user", id, keep("email", fmt.Sprintf("first%d.last%d@clinic.example", i, i*7)), keep("organization_role", "user"),
			keep("created_at", fmt.Sprintf("2025-%02d-%02dT%02d:%02d:41.%06dZ", 1+i%12, 1+i%28, i%24, i%60, i*37)), Field{Name: "full_name", Class: audit.ClassDetail, Content: fmt.Append(nil, i), Differs: true})
		for g := range 3 {
			put(fmt.Sprintf("group/rbac_group_01%d/member", (i+g*37)%100), id, keep("created_at", fmt.Sprintf("2025-%02d-%02dT08:09:10.%06dZ", 1+i%12, 1+i%28, i*41)), Field{Name: "updated_at", Class: audit.ClassMetadata, Differs: true})
		}
	}
	return k
}

// TestSize bounds what is written where something has changed in a large directory.
func TestSize(t *testing.T) {
	t.Parallel()
	k := large(t, 1000)
	b, err := k.encode()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("4,000 things take %d bytes", len(b))
	if len(b) > 100<<10 {
		t.Errorf("4,000 things take %d bytes", len(b))
	}
	again, err := decodeKnown(b)
	if err != nil || again.there("group/rbac_group_011/member") != k.there("group/rbac_group_011/member") || len(again) != len(k) {
		t.Errorf("read back: %d lists, %v", len(again), err)
	}
}

// weigh is a door that weighs what is written with records.
type weigh struct{ deliveries, most, bytes int }

func (w *weigh) Submit(_ context.Context, d intake.Delivery) (intake.Receipt, error) {
	w.deliveries++
	w.most = max(w.most, len(d.Drafts))
	for _, c := range d.Cursors {
		w.bytes += len(c)
	}
	return intake.Receipt{}, nil
}

func (*weigh) Record(context.Context, intake.Act, map[string][]byte) (uint64, error) { return 0, nil }

// plain has a record of everything.
type plain struct{}

func (plain) Read(context.Context, *Reading) error { return nil }
func (plain) Draft(Change) intake.Draft            { return intake.Draft{Record: &audit.Record{}} }

// TestFirstReadingIsWrittenOnce bounds what the first reading of a large directory writes beside its records: some times what
// is known in the end, not some times for each batch.
func TestFirstReadingIsWrittenOnce(t *testing.T) {
	t.Parallel()
	var changes []Change
	for list, things := range large(t, 1000) {
		for id, e := range things {
			changes = append(changes, Change{List: list, ID: id, What: FirstSeen, next: *e})
		}
	}
	client, err := api.New(api.Options{URL: "https://vendor.example", Key: func(context.Context) (secret.String, error) { return secret.New("none"), nil }})
	if err != nil {
		t.Fatal(err)
	}
	w := &weigh{}
	c := &Collector{cfg: Config{Batch: 20}, deps: Deps{Client: client, Door: w}, part: plain{}, known: known{}, st: state{Version: stateVersion}}
	counts, err := c.commit(t.Context(), changes)
	if err != nil || counts[FirstSeen] != int64(len(changes)) {
		t.Fatalf("%v, %v", counts, err)
	}
	last, err := c.known.encode()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d things of %d bytes: %d deliveries, at most %d records, %d bytes", len(changes), len(last), w.deliveries, w.most, w.bytes)
	if w.bytes > 24*len(last) || w.most > mostBatches*20 {
		t.Errorf("%d bytes of cursors for %d that are known; %d records at once", w.bytes, len(last), w.most)
	}
}

func BenchmarkEncode(b *testing.B) {
	k := large(b, 10_000)
	for b.Loop() {
		if _, err := k.encode(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	raw, err := large(b, 10_000).encode()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := decodeKnown(raw); err != nil {
			b.Fatal(err)
		}
	}
}
