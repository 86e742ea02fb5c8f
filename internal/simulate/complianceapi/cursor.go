package complianceapi

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"time"
)

// place is where a walk stands: the key and id of a row in the order of the list. It is what cursors and page tokens hold.
// Both are opaque to clients and bound to the organisation, not to the key that was used.
type place struct {
	List string `json:"l"`           // what is listed, with its order
	Org  string `json:"o"`           // the parent
	Key  int64  `json:"t"`           // of the row, nanoseconds where it is a time
	ID   string `json:"id"`          // of the row
	Born int64  `json:"b,omitempty"` // when the walk began, in seconds, where the token expires
	Sum  []byte `json:"s"`           // so that a made-up one is noticed
}

func (a *API) seal(p place) string {
	p.Sum = nil
	b, _ := json.Marshal(p) // of strings and numbers: cannot fail
	sum := a.dice.sum("place", string(b))
	p.Sum = sum[:8]
	b, _ = json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(b)
}

// open reads a place of a list.
func (a *API) open(s, list string, o org) (place, bool) {
	return a.dice.open(s, list, a.tenant(o))
}

func (c chance) open(s, list, tenant string) (place, bool) {
	var p place
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(b, &p) != nil {
		return p, false
	}
	got := p.Sum
	p.Sum = nil
	plain, _ := json.Marshal(p)
	sum := c.sum("place", string(plain))
	return p, hmac.Equal(got, sum[:8]) && p.List == list && p.Org == tenant
}

func badCursor(name string) *refusal { return invalid("Invalid pagination cursor for '%s'", name) }

func badPage() *refusal { return invalid("The page parameter is not a valid cursor for this request.") }

func expiredPage() *refusal {
	return invalid("The page cursor has expired. Restart the walk without a page parameter; results will reflect the current retention boundary.")
}

// item is an element of a list: its place, and how it is shown.
type item struct {
	key  int64
	id   string
	show func() any
}

func (i item) compare(key int64, id string) int {
	switch {
	case i.key < key:
		return -1
	case i.key > key:
		return 1
	case i.id < id:
		return -1
	case i.id > id:
		return 1
	}
	return 0
}

// pageLife is how long the tokens of session messages last.
const pageLife = 24 * time.Hour
