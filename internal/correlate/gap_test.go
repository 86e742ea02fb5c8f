package correlate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

func version(v string) func(*audit.Record) {
	return func(r *audit.Record) { r.Service.Version, r.Service.ScopeVersion = v, v }
}

func TestSequenceGaps(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }
	for _, c := range []struct {
		name string
		feed func(*feed)
		want []string
	}{
		{"nothing is missing", func(f *feed) { f.run("A", 0, 50, at(0)) }, nil},
		{"a hole", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("A", 53, 60, at(60))
		}, []string{"12 records of session A between sequence 40 and 53 were expected and not received"}},
		{"one record", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("A", 42, 60, at(60))
		}, []string{"1 record of session A between sequence 40 and 42 was expected and not received"}},
		{"the start", func(f *feed) { f.run("A", 6, 9, at(0)) },
			[]string{"6 records at the start of a process, before sequence 6 of session A, were expected and not received"}},
		{"the start of an old client", func(f *feed) { f.run("A", 6, 9, at(0), version("2.1.160")) }, nil},
		{"the start of a client without a version", func(f *feed) { f.run("A", 6, 9, at(0), version("")) }, nil},
		{"a hole of an old client", func(f *feed) {
			f.run("A", 6, 9, at(0), version("2.1.100"))
			f.run("A", 100, 120, at(60), version("2.1.100"))
		}, []string{"90 records of session A between sequence 9 and 100 were expected and not received"}},
		{"an old client resumed without its start", func(f *feed) {
			f.run("A", 0, 3, at(0), version("2.1.100"))
			f.run("A", 6, 20, at(60), version("2.1.100"))
		}, nil},
		{"no numbers", func(f *feed) {
			for i := range 5 {
				f.event("A", 0, at(i), func(r *audit.Record) { r.Sequence = nil })
			}
		}, nil},
		{"delivered twice", func(f *feed) {
			f.run("A", 0, 20, at(0))
			f.run("A", 5, 10, at(5))
			f.run("A", 20, 20, at(20))
		}, nil},
		{"delivered twice around a hole", func(f *feed) {
			f.run("A", 0, 20, at(0))
			f.run("A", 30, 40, at(30))
			f.run("A", 15, 20, at(15))
			f.run("A", 30, 31, at(30))
		}, []string{"9 records of session A between sequence 20 and 30 were expected and not received"}},
		{"batches in reverse", func(f *feed) {
			f.run("A", 30, 40, at(30))
			f.run("A", 10, 29, at(10))
			f.run("A", 0, 9, at(0))
		}, nil},
		{"within one millisecond", func(f *feed) {
			for _, n := range []int64{0, 2, 3, 1} {
				f.event("A", n, at(0))
			}
		}, nil},
		{"/clear goes on under another session", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("B", 41, 60, at(100))
			f.run("C", 61, 70, at(86400))
		}, nil},
		{"/clear, then back to the session", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("B", 41, 60, at(100))
			f.run("A", 61, 70, at(200))
			f.run("B", 71, 80, at(300))
		}, nil},
		{"/clear with a loss on the border", func(f *feed) {
			f.run("A", 0, 38, at(0))
			f.run("B", 43, 60, at(100))
		}, []string{"4 records between sequence 38 of session A and sequence 43 of session B were expected and not received"}},
		{"resumed by another process", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("A", 0, 60, at(100))
			f.run("A", 0, 5, at(86400))
		}, nil},
		{"resumed without its start", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("A", 7, 60, at(100))
		}, []string{"7 records at the start of a process, before sequence 7 of session A, were expected and not received"}},
		{"a session of one process resumed inside another that counts higher", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("B", 0, 45, at(100))
			f.run("A", 46, 60, at(200))
		}, nil},
		{"two processes at once", func(f *feed) {
			for n := int64(0); n < 50; n++ {
				f.event("A", n, at(int(n)))
				if n != 20 {
					f.event("B", n, at(int(n)))
				}
			}
		}, []string{"1 record of session B between sequence 19 and 21 was expected and not received"}},
		{"two processes at once, one without its start", func(f *feed) {
			for n := int64(0); n < 50; n++ {
				f.event("A", n, at(int(n)))
				if n > 3 {
					f.event("B", n, at(int(n)))
				}
			}
		}, []string{"4 records at the start of a process, before sequence 4 of session B, were expected and not received"}},
		{"one session in two processes at once", func(f *feed) {
			f.run("A", 0, 50, at(0))
			for n := int64(0); n < 50; n++ {
				f.event("A", 51+n, at(60+int(n)))
				f.event("A", n, at(60+int(n)).Add(time.Millisecond))
			}
		}, nil},
		{"other devices and credentials do not help", func(f *feed) {
			f.run("A", 5, 10, at(100))
			f.run("B", 0, 4, at(0), func(r *audit.Record) { r.Account.Asserted.Device = "other" })
			f.run("C", 0, 4, at(0), func(r *audit.Record) { r.Account.Proved.Credential = "other" })
			f.run("D", 0, 4, at(0), func(r *audit.Record) { r.Account.Asserted.Device, r.Account.Asserted.Subject = "", "other" })
		}, []string{"5 records at the start of a process, before sequence 5 of session A, were expected and not received"}},
		{"a renewed credential", func(f *feed) {
			f.run("A", 0, 10, at(0))
			f.run("A", 11, 20, at(11), func(r *audit.Record) { r.Account.Proved.Credential = "renewed" })
		}, nil},
		{"a clock put back", func(f *feed) {
			f.run("A", 0, 10, at(3600))
			f.run("A", 11, 20, at(0))
		}, nil},
		{"an idle process is recognised for a week", func(f *feed) {
			f.run("A", 0, 10, at(0))
			f.run("B", 11, 12, at(6*86400))
			f.run("C", 13, 14, at(30*86400))
		}, []string{"13 records at the start of a process, before sequence 13 of session C, were expected and not received"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFeed(t)
			c.feed(f)
			f.apply()
			f.later(Grace)
			if diff := cmp.Diff(c.want, statements(f.list(Filter{}))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
