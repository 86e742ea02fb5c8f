package content_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/content"
)

// TestSomeRefuse: transcripts that do not come hold up neither list nor other transcripts, whatever the failure says; they are
// tried again over a restart, read once they come, and no trouble of the API itself is told.
func TestSomeRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ways := []func() *http.Response{
			func() *http.Response { return refuse(http.StatusBadGateway, "Bad gateway.") },
			func() *http.Response {
				return refuse(http.StatusServiceUnavailable, "Captured content is temporarily unavailable.")
			},
			func() *http.Response { return refuse(http.StatusGatewayTimeout, "It took too long.") },
			func() *http.Response { return refuse(529, "Overloaded.") },
			func() *http.Response { return refuse(http.StatusForbidden, "Not for you.") },
			func() *http.Response { return refuse(http.StatusUnauthorized, "Invalid key.") },
			func() *http.Response { return refuse(http.StatusBadRequest, "It is not enabled.") },
			func() *http.Response { return refuse(http.StatusNotFound, "It is not available.") },
			func() *http.Response { return accept("<html>") },
			breaksOff,
			func() *http.Response { return refuse(http.StatusNotFound, "Not found.") }, // it was deleted
		}
		b, v := script(t)
		all := len(ways) + 4
		v.add(all, "cowork")
		over := time.Now().Add(8 * time.Hour)
		v.refuses = func(i int) *http.Response {
			if i < len(ways) && time.Now().Before(over) {
				return ways[i]()
			}
			return nil
		}
		cfg := content.Config{Start: time.Now().Add(-time.Hour)}
		_, stop := b.run(cfg, nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		stop()
		if lists, _ := v.count(); lists < 10 {
			t.Errorf("%d lists in an hour", lists)
		}
		for have, i := b.said(), len(ways); i < all; i++ {
			if !have[session(i)] {
				t.Errorf("%s was held up", session(i))
			}
		}
		_, stop = b.run(cfg, nil)
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		stop()
		gone := session(len(ways) - 1)
		if have := b.said(); have[gone] || len(have) != all-1 {
			t.Errorf("%d of %d were read; what is gone: %v", len(have), all-1, have[gone])
		}
		if told := append(b.own("tripod.feed.interrupted", "feed"), b.own(content.TypeUnread, "id")...); len(told) > 0 || len(b.raised()) > 0 {
			t.Errorf("told: %v %v", told, b.raised())
		}
	})
}

// TestAllRefuse: where nothing is answered nothing is put off, however long that lasts, and it is told.
func TestAllRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, v := script(t)
		v.add(20, "cowork")
		begin := time.Now()
		b.inject = func(r *http.Request) *http.Response {
			if strings.Contains(r.URL.Path, "clls_") {
				time.Sleep(time.Second) // so that the outage begins amid them
			}
			if d := time.Since(begin); d > 5*time.Second && d < 50*time.Hour {
				return refuse(http.StatusServiceUnavailable, "Overloaded.")
			}
			return v.answer(r)
		}
		_, stop := b.run(content.Config{Start: begin.Add(-time.Hour)}, nil)
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if raised := b.raised(); !slices.Contains(raised, "compliance.local_sessions.unreachable") {
			t.Errorf("conditions %v", raised)
		}
		if n := len(b.said()); n == 0 || n == 20 {
			t.Errorf("%d sessions were read: the test shows little", n)
		}
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		stop()
		if n, unread := len(b.said()), b.own(content.TypeUnread, "id"); n != 20 || len(unread) > 0 || len(b.raised()) > 0 {
			t.Errorf("%d of 20 sessions were read, given up: %v, conditions %v", n, unread, b.raised())
		}
	})
}

// TestManyAreLater: where more transcripts refuse to be read, or wait to settle, than may be put off, each is read all the
// same once it comes. Of what waits, a page writes no more than it changes.
func TestManyAreLater(t *testing.T) {
	f := func(name string, all int, refuses func(i int) bool, stands bool) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, v := script(t)
				v.add(all, "cowork")
				over := time.Now().Add(8 * time.Hour)
				v.refuses = func(i int) *http.Response {
					if refuses(i) && time.Now().Before(over) {
						return refuse(http.StatusServiceUnavailable, "Captured content is temporarily unavailable.")
					}
					return nil
				}
				_, stop := b.run(content.Config{Start: time.Now().Add(-time.Hour), Settle: 6 * time.Hour, PutOff: 100}, nil)
				time.Sleep(5 * time.Hour)
				synctest.Wait()
				if _, sessions := v.count(); (sessions < all) != stands {
					t.Errorf("%d of %d sessions were asked for", sessions, all)
				}
				if slices.Contains(b.raised(), "compliance.local_sessions.put_off") != stands {
					t.Errorf("conditions %v", b.raised())
				}
				state, err := b.journal.Cursor(t.Context(), "compliance.session.local vendor.example")
				if err != nil || len(state) == 0 || len(state) > 10_000 {
					t.Errorf("each page writes %d bytes of state: %v", len(state), err)
				}
				time.Sleep(50 * time.Hour)
				synctest.Wait()
				stop()
				if n, unread := len(b.said()), b.own(content.TypeUnread, "id"); n != all || len(unread) > 0 {
					t.Errorf("%d of %d sessions were read, given up: %.200s", n, all, strings.Join(unread, " "))
				}
				if len(b.raised()) > 0 {
					t.Errorf("conditions %v", b.raised())
				}
			})
		})
	}
	f("all refuse", 120, func(int) bool { return true }, true)
	f("all settle and one refuses", 201, func(i int) bool { return i == 200 }, false)
}
