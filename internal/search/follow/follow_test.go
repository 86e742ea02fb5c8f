package follow_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/follow"
)

type script []any // []journal.Stored or error

func (s *script) Next(context.Context) ([]journal.Stored, error) {
	v := (*s)[0]
	*s = (*s)[1:]
	if err, ok := v.(error); ok {
		return nil, err
	}
	return v.([]journal.Stored), nil
}

func TestNext(t *testing.T) {
	t.Parallel()
	end := errors.New("end")
	f := follow.New(&script{
		[]journal.Stored{{Seq: 1, Bytes: []byte("a")}, {Seq: 2, Tombstone: &audit.Tombstone{}}},
		&journal.CorruptError{First: 3, Count: 2, Err: errors.New("checksum")},
		[]journal.Stored{{Seq: 5, Bytes: []byte("b")}},
		end,
	})
	for _, want := range [][]search.Entry{
		{{Seq: 1, Bytes: []byte("a")}, {Seq: 2, Erased: true}},
		{{Seq: 3, Erased: true}, {Seq: 4, Erased: true}},
		{{Seq: 5, Bytes: []byte("b")}},
	} {
		got, err := f.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("page (-want +got):\n%s", diff)
		}
	}
	if _, err := f.Next(t.Context()); !errors.Is(err, end) {
		t.Errorf("got %v, want the source's error", err)
	}
}
