package complianceapi

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// row is an activity.
type row struct {
	at      int64 // created_at, nanoseconds
	indexed int64 // when it can be queried
	id      string
	kind    string
	user    string // user id of the actor, if it has one
	org     org
	body    []byte
}

func (r *row) compare(at int64, id string) int {
	if c := cmp.Compare(r.at, at); c != 0 {
		return c
	}
	return strings.Compare(r.id, id)
}

// chunk is the rows of an hour, in order, as they are shown before or after fields were blanked.
type chunk struct {
	hour    int64
	blanked bool
}

const hour = int64(time.Hour)

// hourOf is the number of the hour that holds a time.
func hourOf(nanos int64) int64 { return nanos / hour } // no times before 1970

// chunkBytes and dayActs bound what is held of the past.
const (
	chunkBytes = 24 << 20
	dayActs    = 30_000
)

// rows are those of an hour that are not of calls.
func (f *feed) rows(c chunk) []row {
	return f.chunks.get(c, func() []row {
		from := time.Unix(0, c.hour*hour).UTC()
		m := maker{feed: f, now: time.Time{}}
		if c.blanked {
			m.now = blankedSince()
		}
		acts := f.actsOf(from)
		i, _ := slices.BinarySearchFunc(acts, from, func(a world.Act, t time.Time) int { return a.At.Compare(t) })
		for ; i < len(acts) && acts[i].At.Before(from.Add(time.Hour)); i++ {
			m.act(&acts[i])
		}
		m.gallery(from)
		m.lab(from)
		m.volume(from)
		slices.SortFunc(m.list, func(a, b row) int { return a.compare(b.at, b.id) })
		return m.list
	})
}

// actsOf are the acts of the day that holds a time.
func (f *feed) actsOf(t time.Time) []world.Act {
	day := t.Truncate(24 * time.Hour)
	return f.days.get(day.Unix(), func() []world.Act { return f.a.opts.World.Between(day, earlier(day.AddDate(0, 0, 1), f.a.opts.Until)) })
}

// maker makes rows.
type maker struct {
	*feed
	now  time.Time // as far as it matters: whether fields are blanked
	list []row
}

// add makes a row of a kind. name tells it from every other of the same instant and for ever.
func (m *maker) add(at time.Time, name string, k *kind, actor []byte, user string, known map[string]any) {
	at = at.UTC().Truncate(time.Microsecond)
	mark := m.a.dice.number("row", name)
	r := row{at: at.UnixNano(), id: m.a.dice.activity(at, mark), kind: k.Type, user: user, org: orgOf(k.Type)}
	r.indexed = r.at + m.delay(mark)
	o := m.head(&r, actor)
	fill := filler{dice: m.a.dice, seed: name, at: at, blank: blanked(k, m.now), known: known, users: m.users}
	fill.fields(&o, k)
	r.body = o.end()
	m.list = append(m.list, r)
}

// head begins the body of a row with what all have.
func (f *feed) head(r *row, actor []byte) object {
	o := make(object, 0, 640)
	o.text("id", r.id)
	o.text("created_at", brief(time.Unix(0, r.at)))
	org := f.orgs[r.org]
	o.textOrNull("organization_id", org.ID)
	o.textOrNull("organization_uuid", org.UUID)
	o.name("actor")
	o = append(o, actor...)
	o.text("type", r.kind)
	return o
}

// delay is how long a row takes to be queryable: seconds, within the documented minute, but for the late ones.
func (f *feed) delay(mark uint64) int64 {
	part := func(salt uint64) float64 { return float64(mix(mark^salt)>>11) / (1 << 53) }
	d := part(1) * part(2) * float64(50*time.Second)
	if late := f.a.opts.Faults.Late; late > 0 && part(3) < late {
		by := f.a.opts.Faults.LateBy
		if by == 0 {
			by = 20 * time.Minute
		}
		d = float64(time.Minute) + part(4)*float64(by)
	}
	return int64(d)
}

// act makes what the feed shows of an act of the world.
func (m *maker) act(act *world.Act) {
	c := act.Control
	if c == nil {
		return
	}
	k := m.cat.byName[c.Type]
	if k == nil {
		k = &kind{Type: c.Type, Unknown: true}
	}
	d := doer{account: act.Account, ip: c.IP, agent: c.Agent}
	if c.Type == "magic_link_login_initiated" {
		d.email = c.Target
	}
	actor, user := m.a.actor(d, k, act.ID)
	m.add(act.At, act.ID, k, actor, user, m.told(act))
	if c.Type == "org_directory_resync_completed" {
		m.resynced(act, d)
	}
	if u := m.a.opts.Faults.Unknown; u > 0 && m.a.dice.part("unknown", act.ID) < u {
		m.unheardOf(act, d)
	}
}

// resynced are the rows that a synchronisation writes in one go: all of one instant.
func (m *maker) resynced(act *world.Act, d doer) {
	k := m.cat.byName["scim_user_updated"]
	members := m.a.opts.World.Members(act.At)
	for i := range min(12, len(members)) {
		acc := members[(i*5+act.At.YearDay())%len(members)]
		name := act.ID + "/" + strconv.Itoa(i)
		actor, _ := m.a.actor(d, k, name)
		m.add(act.At, name, k, actor, "", map[string]any{"user_id": acc.User})
	}
}

// unheardOf is a row whose type, actor or fields came after every list of them.
func (m *maker) unheardOf(act *world.Act, d doer) {
	name := act.ID + "/new"
	actor, user := m.a.actorOf("user_actor", d, name)
	known := map[string]any{}
	k := &kind{Type: "claude_spatial_scene_opened", Fields: []field{{Name: "scene_id", Type: "string"}, {Name: "anchors", Type: "array<object>", Fields: []field{{Name: "depth", Type: "number"}}}}}
	switch m.a.dice.n(3, "unknown kind", act.ID) {
	case 0:
		actor, user = m.a.actorOf("delegated_agent_actor", d, name)
		k = m.cat.byName["claude_chat_viewed"]
		known["claude_chat_id"] = m.a.dice.id("claude_chat_01", name)
	case 1:
		k = &kind{Type: "claude_project_viewed", Fields: append(slices.Clone(m.cat.byName["claude_project_viewed"].Fields), field{Name: "rendered_by", Type: "object",
			Fields: []field{{Name: "engine", Type: "string"}, {Name: "cached", Type: "boolean"}}})}
	}
	m.add(act.At, name, k, actor, user, known)
}

// gallery makes the rows of an hour that show the vendor's types in turn.
func (m *maker) gallery(from time.Time) {
	a := m.a
	day := from.Truncate(24 * time.Hour)
	for i := range a.opts.Gallery {
		at := day.Add(24*time.Hour*time.Duration(i)/time.Duration(a.opts.Gallery) + 17*time.Second)
		if at.Before(from) || !at.Before(from.Add(time.Hour)) {
			continue
		}
		n := int(day.Unix()/86400)*a.opts.Gallery + i
		k := m.cat.Types[n%len(m.cat.Types)]
		name := "gallery/" + strconv.Itoa(n)
		want := "user_actor"
		if len(k.Actors) > 0 {
			want = k.Actors[a.dice.n(len(k.Actors), name)]
		} else if all := allActors(); n%3 == 0 {
			want = all[a.dice.n(len(all), name)]
		}
		actor, user := a.actorOf(want, doer{ip: "192.0.2." + strconv.Itoa(1+n%250), agent: "Mozilla/5.0"}, name)
		m.add(at, name, k, actor, user, nil)
	}
}

func allActors() []string {
	return []string{
		"user_actor", "api_actor", "admin_api_key_actor", "unauthenticated_user_actor", "anthropic_actor", "system_actor", "service_account_actor",
		"scim_directory_sync_actor", "federated_identity_actor", "federated_actor", "attested_device_actor",
	}
}

// lab makes the row an hour of the standalone organisation.
func (m *maker) lab(from time.Time) {
	name := "lab/" + from.Format(time.RFC3339)
	types := []string{"platform_cost_report_viewed", "platform_api_key_created", "platform_usage_report_claude_code_viewed"}
	k := m.cat.byName[types[m.a.dice.n(len(types), name)]]
	actor, _ := m.a.actorOf("admin_api_key_actor", doer{ip: "198.51.100.77", agent: "curl/8.9.0"}, name)
	before := len(m.list)
	m.add(from.Add(time.Duration(m.a.dice.n(3599, name, "at"))*time.Second), name, k, actor, "", nil)
	for i := range m.list[before:] {
		r := &m.list[before+i]
		other, org := m.orgs[r.org], m.orgs[standalone]
		r.org = standalone
		r.body = []byte(strings.Replace(strings.Replace(string(r.body), other.ID, org.ID, 1), other.UUID, org.UUID, 1))
	}
}

// volume makes the rows for load of an hour: chats that are looked at, three at each instant.
func (m *maker) volume(from time.Time) {
	v := int64(m.a.opts.Volume)
	if v == 0 {
		return
	}
	day := from.Truncate(24 * time.Hour)
	since := int64(from.Sub(day))
	groups := max(1, (v+2)/3)
	step := int64(24*time.Hour) / groups
	for g := (since + step - 1) / step; g < groups && g*step < since+hour; g++ {
		at := day.Add(time.Duration(g * step)).Truncate(time.Microsecond)
		for i := range min(3, v-g*3) {
			m.viewed(at, uint64(day.Unix()/86400)<<32|uint64(g*3+i))
		}
	}
}

// chatsADay is how many chats somebody looks at on a day, in rows for load.
const chatsADay = 100

// viewed makes one row for load, cheaply.
func (m *maker) viewed(at time.Time, n uint64) {
	mark := mix(mix(uint64(m.a.dice)^0x70ad) ^ n)
	who := mark % uint64(len(m.people))
	p := &m.people[who]
	r := row{at: at.UnixNano(), id: m.a.dice.activity(at, mark), kind: "claude_chat_viewed", user: p.user, org: claude}
	r.indexed = r.at + m.delay(mark)
	o := m.head(&r, p.actor)
	o.name("claude_chat_id")
	o = append(o, `"claude_chat_01`...)
	chat := mix(n>>32<<32 | who<<8 | mark>>32%chatsADay) // looked at again and again on its day
	o = base58(base58(o, chat), mix(chat))
	o = append(o, `","claude_project_id":null`...)
	r.body = o.end()
	m.list = append(m.list, r)
}

// called remembers a call of the API as the feed shows it, its failures too.
func (f *feed) called(c *call, status int) {
	k := f.cat.byName["compliance_api_accessed"]
	at := c.At.Truncate(time.Microsecond)
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], c.N)
	mark := f.a.dice.number("call", string(n[:]))
	r := row{at: at.UnixNano(), id: f.a.dice.activity(at, mark), kind: k.Type, org: none}
	r.indexed = r.at + f.delay(mark)
	var actor object
	actor.text("type", "api_actor")
	actor.text("api_key_id", c.key.id)
	actor.textOrNull("ip_address", host(c.http.RemoteAddr))
	actor.textOrNull("user_agent", c.http.UserAgent())
	o := f.head(&r, actor.end())
	o.text("request_id", c.id)
	o.text("request_method", c.Method)
	o.number("status_code", int64(status))
	o.text("url", "https://api.anthropic.com"+c.http.URL.RequestURI())
	o.raw("request_body", "null")
	r.body = slices.Clip(o.end())
	f.remember(r, c.key.org == standalone)
}
