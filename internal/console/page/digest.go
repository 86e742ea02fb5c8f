package page

import (
	"net/url"
	"time"

	"github.com/tripod-audit/tripod/internal/reviews"
)

// Digests is the list of the digests that were made.
type Digests struct {
	This reviews.Week
	Made []reviews.Reading
}

// Digest is the page of one week.
type Digest struct {
	*reviews.Digest
	Over           bool // the week is; else it tells what is known so far
	Counts         []DigestCount
	Previous, Next string // weeks; Next is "" where it has not begun
}

// DigestCount is how many acts of a kind there were.
type DigestCount struct {
	Name string
	N    int
	URL  string
}

// DigestURL is the address of the digest of a week.
func DigestURL(w reviews.Week) string { return "/reviews/digest/" + w.String() }

// ReviewsURL is the address of the acts of a kind within whole days; until is the first moment after them.
func ReviewsURL(k reviews.Kind, from, until time.Time) string {
	return "/reviews?" + url.Values{"kind": {string(k)}, "after": {from.Format(time.DateOnly)}, "before": {until.AddDate(0, 0, -1).Format(time.DateOnly)}}.Encode()
}
