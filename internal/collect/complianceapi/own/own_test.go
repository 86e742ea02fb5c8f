package own_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/own"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// door keeps acts, unless it is shut.
type door struct {
	acts []intake.Act
	shut error
}

func (d *door) Record(_ context.Context, a intake.Act, _ map[string][]byte) (uint64, error) {
	if d.shut != nil {
		return 0, d.shut
	}
	d.acts = append(d.acts, a)
	return uint64(len(d.acts)), nil
}

// lines are the acts, as "type attribute=value …", of the attributes named.
func (d *door) lines(names ...string) []string {
	var list []string
	for _, a := range d.acts {
		s := a.Type
		for _, n := range names {
			if v, ok := a.Attributes.Get(n); ok {
				s += fmt.Sprintf(" %s=%s", n, v.Text())
			}
		}
		list = append(list, s)
	}
	return list
}

func newLog(t *testing.T, d *door) *own.Log {
	t.Helper()
	l, err := own.New(own.Config{Host: "vendor.example", Version: "test"}, own.Deps{Door: d})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func call(t *testing.T, l *own.Log, status int) api.Name {
	t.Helper()
	n, err := l.Name(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	if status != 0 {
		id = fmt.Sprintf("req_%d", n.Number)
	}
	l.Observe(api.Call{Name: n, At: time.Now(), Method: "GET", Path: "/", Status: status, RequestID: id})
	return n
}

// TestRunAndKeyComeFirst: nothing is sent that is not announced.
func TestRunAndKeyComeFirst(t *testing.T) {
	t.Parallel()
	d := &door{shut: errors.New("disk is full")}
	l := newLog(t, d)
	l.KeyLoaded(api.KeyUse{Kind: "compliance_access_key", Place: 1, Of: 1})
	if _, err := l.Name(t.Context()); err == nil || trouble.Diagnose(err) != "" {
		t.Errorf("a call may be sent that no record announces: %v", err)
	}
	d.shut = nil
	n := call(t, l, 200)
	if diff := cmp.Diff([]string{"tripod.compliance.run state=began most_unrecorded=120", "tripod.compliance.key kind=compliance_access_key"}, d.lines("state", "most_unrecorded", "kind")); diff != "" {
		t.Error(diff)
	}
	if run, _ := d.acts[0].Attributes.Get("run"); run.Str() != n.Run || n.Run == "" || n.Number != 1 {
		t.Errorf("run %q, name %+v", run.Str(), n)
	}
}

func TestRequestsGoOnRecordSomeAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &door{}
		l := newLog(t, d)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		synctest.Wait()
		if len(d.acts) > 0 {
			t.Errorf("on record before the first call: %v", d.lines())
		}
		for i := range 61 {
			call(t, l, []int{200, 503, 0}[i%3])
		}
		time.Sleep(7 * time.Minute)
		call(t, l, 200)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := []string{
			"tripod.compliance.run state=began",
			"tripod.compliance.requests requests=60 refused=20 unanswered=20",
			"tripod.compliance.requests requests=1 refused=0 unanswered=0",
			"tripod.compliance.requests requests=1 refused=0 unanswered=0",
			"tripod.compliance.run state=ended calls=62",
		}
		got := d.lines("state", "requests", "refused", "unanswered")
		got[len(got)-1] = d.lines("state", "calls")[len(got)-1]
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		ids, _ := d.acts[1].Attributes.Get("request_ids")
		numbers, _ := d.acts[1].Attributes.Get("calls")
		if len(ids.Items()) != 60 || len(numbers.Items()) != 60 || ids.Items()[2].Str() != "" || ids.Items()[3].Str() != "req_4" || numbers.Items()[3].Text() != "4" {
			t.Errorf("calls %s have ids %s", numbers.Text(), ids.Text())
		}
	})
}

// TestNumbersStayWithinTheBound: while nothing can be put on record no more numbers are given out than a crash may lose.
func TestNumbersStayWithinTheBound(t *testing.T) {
	t.Parallel()
	d := &door{}
	l := newLog(t, d)
	for range 59 {
		call(t, l, 200)
	}
	d.shut = errors.New("disk is full")
	given := int64(0)
	for range 1000 {
		n, err := l.Name(t.Context())
		if err == nil {
			given = n.Number
			l.Observe(api.Call{Name: n, At: time.Now(), Status: 200, RequestID: "req"})
		}
	}
	if given > own.MostUnrecorded || given < 60 {
		t.Errorf("number %d was given out and none is on record", given)
	}
	d.shut = nil
	if n := call(t, l, 200); n.Number != given+1 {
		t.Errorf("after number %d comes %d", given, n.Number)
	}
}

// TestAnUnfinishedRunSaysNothingOfItsEnd: a call under way may yet reach the server.
func TestAnUnfinishedRunSaysNothingOfItsEnd(t *testing.T) {
	t.Parallel()
	d := &door{}
	l := newLog(t, d)
	call(t, l, 200)
	if _, err := l.Name(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}
	if got := d.lines("state"); len(got) != 2 || got[1] != own.TypeRequests {
		t.Errorf("on record are %v", got)
	}
}

// TestConditionsOfKeys: the second key in use, and a reading key that can delete.
func TestConditionsOfKeys(t *testing.T) {
	t.Parallel()
	h := &health.Registry{}
	reads, err := own.New(own.Config{}, own.Deps{Door: &door{}, Health: h})
	if err != nil {
		t.Fatal(err)
	}
	deletes, err := own.New(own.Config{Deletes: true}, own.Deps{Door: &door{}, Health: h})
	if err != nil {
		t.Fatal(err)
	}
	raised := func(want ...string) {
		t.Helper()
		var got []string
		for _, c := range h.Conditions() {
			got = append(got, c.Code)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("conditions (-want +got):\n%s", diff)
		}
	}
	reads.KeyLoaded(api.KeyUse{Kind: "compliance_access_key", Place: 1, Of: 2})
	deletes.Scopes([]string{api.ScopeDelete})
	reads.Scopes([]string{api.ScopeActivities})
	raised()
	reads.Scopes([]string{api.ScopeActivities, api.ScopeDelete})
	raised("compliance.key_can_delete")
	reads.KeyLoaded(api.KeyUse{Kind: "compliance_access_key", Place: 2, Of: 2})
	raised("compliance.second_key")
	reads.KeyLoaded(api.KeyUse{Kind: "compliance_access_key", Place: 1, Of: 1})
	raised()
}
