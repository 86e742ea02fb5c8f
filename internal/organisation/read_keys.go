package organisation

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Key is one key, as far as activities and the list of Compliance Access Keys tell of it. Its secret is nowhere.
type Key struct {
	ID      string     `json:"key"`
	Kind    string     `json:"kind"` // "compliance", "api", "admin", "platform", "service"; "" where only its use is known
	Scopes  string     `json:"scopes,omitempty"`
	Created *time.Time `json:"created,omitempty"` // nil: before records begin
	By      string     `json:"by,omitempty"`
	Changed *time.Time `json:"changed,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	Off     bool       `json:"off,omitempty"`    // it is listed as inactive
	Listed  bool       `json:"listed,omitempty"` // a sweep lists it now
	Ended   *time.Time `json:"ended,omitempty"`
	EndedBy string     `json:"ended_by,omitempty"`
	Used    *time.Time `json:"used,omitempty"`              // last seen on the control plane
	Own     bool       `json:"own,omitempty"`               // calls under it are ones that Tripod says it made
	Pending bool       `json:"own_not_known_yet,omitempty"` // Tripod has not yet told of any call it made
	Seq     uint64     `json:"record"`                      // of the latest that was told of it
}

// MayDelete reports whether the key stands and its scopes let who has it delete content.
func (k *Key) MayDelete() bool {
	return k.Ended == nil && !k.Off && strings.Contains(" "+k.Scopes, " delete:")
}

// Keys lists the keys: those that stand first, the oldest first.
func (v *View) Keys(ctx context.Context) ([]Key, error) {
	type event struct {
		Key
		what, by, detail string
		at               int64
	}
	events, err := rows(ctx, v, "keys", `SELECT seq, key, kind, what, at, by, detail FROM key_log ORDER BY at, seq`, nil, func(scan func(...any) error) (event, error) {
		var e event
		return e, scan(&e.Seq, &e.ID, &e.Kind, &e.what, &e.at, &e.by, &e.detail)
	})
	if err != nil {
		return nil, err
	}
	keys := make(map[string]*Key)
	for i := range events {
		e := &events[i]
		k := keys[e.ID]
		if k == nil {
			k = &Key{ID: e.ID, Kind: e.Kind}
			keys[e.ID] = k
		}
		at := microTime(e.at)
		k.Seq = e.Seq
		switch e.what {
		case KeyCreated:
			k.Created, k.By, k.Scopes = &at, e.by, e.detail
		case KeyChanged:
			k.Changed = &at
		case KeyEnded:
			k.Ended, k.EndedBy, k.Scopes = &at, e.by, cmp.Or(k.Scopes, e.detail)
		}
	}
	if err := v.listed(ctx, keys); err != nil {
		return nil, err
	}
	if err := v.used(ctx, keys); err != nil {
		return nil, err
	}
	list := make([]Key, 0, len(keys))
	for _, k := range keys {
		list = append(list, *k)
	}
	slices.SortFunc(list, func(a, b Key) int {
		return cmp.Or(order2(a.Ended != nil, b.Ended != nil), timeOf(a.Created).Compare(timeOf(b.Created)), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// listed adds what sweeps say of Compliance Access Keys: they list all of a tenant, those too that were made before records
// begin.
func (v *View) listed(ctx context.Context, keys map[string]*Key) error {
	type row struct {
		id, fields string
		present    bool
		changed    int64
		seq        uint64
	}
	list, err := rows(ctx, v, "keys", `SELECT id, present, changed_at, fields, seq FROM entities WHERE kind = 'key' ORDER BY changed_at`, nil,
		func(scan func(...any) error) (row, error) {
			var r row
			return r, scan(&r.id, &r.present, &r.changed, &r.fields, &r.seq)
		})
	if err != nil || len(list) == 0 {
		return err
	}
	all, err := v.accounts(ctx)
	names := make(map[string]string, len(all))
	for _, a := range all {
		names[a.ID] = a.Name
	}
	for _, r := range list {
		k, f := keys[r.id], fields(r.fields)
		if k == nil {
			k = &Key{ID: r.id}
			keys[r.id] = k
		}
		k.Kind, k.Listed, k.Off, k.Seq = "compliance", r.present, f["is_active"] == "false", max(k.Seq, r.seq)
		k.Scopes = cmp.Or(f["scopes"], k.Scopes)
		if at, err := time.Parse(time.RFC3339Nano, f["created_at"]); err == nil && k.Created == nil {
			at = at.UTC()
			k.Created, k.By = &at, cmp.Or(k.By, names[kindUser+":"+f["created_by_id"]], f["created_by_id"])
		}
		if at, err := time.Parse(time.RFC3339Nano, f["expires_at"]); err == nil {
			at = at.UTC()
			k.Expires = &at
		}
		if at := microTime(r.changed); !r.present && k.Ended == nil {
			k.Ended = &at
		}
	}
	return err
}

// toldOfOwn is whether Tripod has told of calls it made: it does every few minutes.
const toldOfOwn = `(EXISTS (SELECT 1 FROM own_callers) OR EXISTS (SELECT 1 FROM own_ids))`

// used says when keys were last seen, those too that no activity speaks of, and which are Tripod's own.
func (v *View) used(ctx context.Context, keys map[string]*Key) error {
	type use struct {
		id   string
		last int64
		seq  uint64
		own  bool
		told bool
	}
	list, err := rows(ctx, v, "keys", `SELECT substr(anchor, 5), max(last_at), max(last_seq), EXISTS (SELECT 1 FROM own_callers WHERE caller = anchor), `+toldOfOwn+`
		FROM sightings JOIN accounts ON id = account WHERE anchor LIKE 'key:%' AND proved GROUP BY anchor`, nil,
		func(scan func(...any) error) (use, error) {
			var u use
			return u, scan(&u.id, &u.last, &u.seq, &u.own, &u.told)
		})
	for _, u := range list {
		k := keys[u.id]
		if k == nil {
			k = &Key{ID: u.id, Seq: u.seq}
			keys[u.id] = k
		}
		at := microTime(u.last)
		k.Used, k.Own, k.Pending = &at, u.own, !u.told
	}
	return err
}

// Caller is who calls the Compliance API, as the feed shows it.
type Caller struct {
	ID        string    `json:"caller"`                      // "key:apikey_01…" or an account
	Own       bool      `json:"own"`                         // Tripod says that it made calls under it
	Pending   bool      `json:"own_not_known_yet,omitempty"` // Tripod has not yet told of any call it made
	Calls     int64     `json:"calls"`
	Reads     int64     `json:"reads"`   // without those refused
	Deletes   int64     `json:"deletes"` // without those refused
	Refused   int64     `json:"refused"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Addresses int       `json:"addresses"` // network addresses, at most 1,000 are told apart
	Routes    []Route   `json:"routes"`    // the most called first
	Seq       uint64    `json:"record"`    // of the latest call, 0 where it was erased
}

// Route is one route as one caller called it.
type Route struct {
	Method string    `json:"method"`
	Route  string    `json:"route"`
	Calls  int64     `json:"calls"`
	Last   time.Time `json:"last"`
}

// Callers lists who calls the Compliance API: others first, then Tripod.
func (v *View) Callers(ctx context.Context) ([]Caller, error) {
	byID := make(map[string]*Caller)
	_, err := rows(ctx, v, "calls", `SELECT caller, method, route, n, refused, first_at, last_at, last_seq, EXISTS (SELECT 1 FROM own_callers o WHERE o.caller = c.caller), `+toldOfOwn+`
		FROM calls c ORDER BY n DESC, method, route`, nil, func(scan func(...any) error) (struct{}, error) {
		var id string
		var r Route
		var refused, first, last int64
		var seq uint64
		var own, told bool
		if err := scan(&id, &r.Method, &r.Route, &r.Calls, &refused, &first, &last, &seq, &own, &told); err != nil {
			return struct{}{}, err
		}
		c := byID[id]
		if c == nil {
			c = &Caller{ID: id, Own: own, Pending: !told, First: microTime(first)}
			byID[id] = c
		}
		r.Last = microTime(last)
		c.add(r, refused, microTime(first), seq)
		return struct{}{}, nil
	})
	if err != nil {
		return nil, err
	}
	_, err = rows(ctx, v, "calls", `SELECT caller, count(*) FROM addresses GROUP BY caller`, nil, func(scan func(...any) error) (struct{}, error) {
		var id string
		var n int
		err := scan(&id, &n)
		if c := byID[id]; c != nil {
			c.Addresses = n
		}
		return struct{}{}, err
	})
	if err != nil {
		return nil, err
	}
	list := make([]Caller, 0, len(byID))
	for _, c := range byID {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b Caller) int { return cmp.Or(order2(a.Own, b.Own), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

func (c *Caller) add(r Route, refused int64, first time.Time, seq uint64) {
	c.Calls, c.Refused, c.Seq = c.Calls+r.Calls, c.Refused+refused, max(c.Seq, seq)
	switch {
	case strings.EqualFold(r.Method, "GET"):
		c.Reads += r.Calls - refused
	case strings.EqualFold(r.Method, "DELETE"):
		c.Deletes += r.Calls - refused
	}
	if first.Before(c.First) {
		c.First = first
	}
	if r.Last.After(c.Last) {
		c.Last = r.Last
	}
	c.Routes = append(c.Routes, r)
}
