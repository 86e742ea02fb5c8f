package world

import (
	"testing"
	"time"
)

// TestNight: chats of a day are over when a later window no longer looks for them.
func TestNight(t *testing.T) {
	t.Parallel()
	w := New(Options{Seed: 1})
	for n := range 60 {
		date := First.AddDate(0, 0, 11*n)
		for _, a := range w.Members(date.Add(12 * time.Hour)) {
			for _, act := range w.chats(a, date) {
				if act.At.Before(date) || !act.At.Before(date.Add(night)) {
					t.Errorf("%s of %s at %s", act.ID, date, act.At)
				}
			}
		}
	}
}
