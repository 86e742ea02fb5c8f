package main

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"
)

func TestConversationsAreWhatTheySay(t *testing.T) {
	t.Parallel()
	c := newCorpus(1)
	for name, s := range map[string]shape{"growing": {size: 50 << 10}, "new": {size: 50 << 10, fresh: true}, "large": {size: 1 << 20}} {
		v := c.converse(1, 2, s)
		var sizes []int
		ids := map[string]bool{}
		for range turns + 2 {
			b := v.next(true)
			if !json.Valid(b) {
				t.Fatalf("%s: a body is no JSON: %.300s…", name, b)
			}
			sizes, ids[v.id] = append(sizes, len(b)), true
		}
		if first := sizes[0]; first < s.size*8/10 || first > s.size*12/10 {
			t.Errorf("%s: the first body has %d bytes, want about %d", name, first, s.size)
		}
		if grown := sizes[turns-1] - sizes[0]; !s.fresh && (grown < 17*turnBytes || grown > 22*turnBytes) {
			t.Errorf("%s: %d turns added %d bytes, want about %d each", name, turns-1, grown, turnBytes)
		}
		if want := map[bool]int{true: turns + 2, false: 2}[s.fresh]; len(ids) != want {
			t.Errorf("%s: %d sessions, want %d", name, len(ids), want)
		}
	}
}

func TestLaneReadsStreams(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(newMock())
	defer srv.Close()
	l, err := newLane(&system{url: srv.URL}, newCorpus(1).converse(1, 1, shape{size: 20 << 10}))
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for _, stream := range []bool{false, true, true} {
		s, err := l.ask(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		for _, late := range s.late {
			if late < 0 || late > s.whole {
				t.Errorf("an event came %v after it was sent, in a stream of %v", late, s.whole)
			}
		}
	}
}

func TestStamp(t *testing.T) {
	t.Parallel()
	b := make([]byte, stampLen)
	want := time.Unix(0, 1763918400123456789)
	if stamp(b, want); !stamped(b).Equal(want) {
		t.Errorf("%s is read as %v", b, stamped(b))
	}
}
