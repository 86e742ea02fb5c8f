package ocsf

import (
	"net/netip"
	"regexp"
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
)

// actor picks the identity an event names. What is proved goes before what is asserted, and the two are never mixed.
func actor(r *audit.Record) *audit.Identity {
	if r.Account.Proved.Telling() == "" && r.Account.Asserted.Telling() != "" {
		return &r.Account.Asserted
	}
	return &r.Account.Proved
}

// hasActor reports whether the event names who acted. What a source shows to be so is nobody's act: the account of such a
// record is the one it is about, or the owner.
func (e *event) hasActor() bool {
	switch {
	case e.class.needsActor:
		return true
	case e.class.uid == userInventory, e.class.uid == resourcesInventory:
		return false
	}
	return e.who.Telling() != "" || e.r.Keys.Session != "" || e.r.Service.Name != ""
}

func (e *event) actor() {
	if !e.hasActor() {
		return
	}
	known := e.who.Telling() != ""
	session := e.r.Keys.Session
	e.Open("actor")
	if known {
		e.account("user", e.who)
	}
	if session != "" {
		e.Open("session")
		e.Str("uid", session)
		e.Close()
	}
	app := e.r.Service.Name
	if app == "" && !known && session == "" {
		app = first(e.text("actor.type"), unknownWord)
	}
	e.Str("app_name", app)
	e.Close()
}

// account writes an identity as a user. The schema wants a name or an id beside an address, so the address is the name.
func (e *event) account(name string, id *audit.Identity) {
	e.Open(name)
	uid := first(id.User, id.UUID, id.Subject, id.Service, id.Key)
	e.Str("uid", uid)
	if id.User != "" {
		e.Str("uid_alt", id.UUID)
	}
	called := first(id.Email, id.OSUser)
	if uid == "" && called == "" {
		called = unknownWord
	}
	e.Str("name", called)
	e.email(id.Email)
	e.kind(id)
	if id.Key != "" {
		e.List("programmatic_credentials")
		e.Element()
		e.Str("uid", id.Key)
		e.Str("type", "API key")
		e.Close()
		e.CloseList()
	}
	if len(id.Groups) > 0 {
		e.groups(id.Groups)
	}
	if id.Org != "" {
		e.Open("org")
		e.Str("uid", id.Org)
		e.Close()
	}
	e.Close()
}

func (e *event) groups(list []string) {
	e.List("groups")
	for _, g := range list {
		if g != "" {
			e.Element()
			e.Str("name", g)
			e.Close()
		}
	}
	e.CloseList()
}

// kind says what kind of account it is, as far as its identifiers tell.
func (e *event) kind(id *audit.Identity) {
	switch {
	case id.User != "" || id.UUID != "" || id.Email != "" || id.OSUser != "":
		e.Int("type_id", 1)
		e.Str("type", "User")
	case id.Service != "":
		e.Int("type_id", 4)
		e.Str("type", "Service")
	case id.Key != "":
		e.Int("type_id", other)
		e.Str("type", "API key")
	default:
		e.Int("type_id", 0)
		e.Str("type", "Unknown")
	}
}

// address is the schema's pattern of an e-mail address.
var address = regexp.MustCompile("^[a-zA-Z0-9!#$%&'*+-/=?^_`{|}~.]+@[a-zA-Z0-9-]+\\.[a-zA-Z0-9-.]+$")

// email writes an address that is one by the schema; another stays the account's name.
func (e *event) email(s string) {
	if s != "" && address.MatchString(s) {
		e.Str("email_addr", s)
	}
}

// endpoint is where a record came from, as far as it tells.
type endpoint struct{ ip, device, service string }

func (e *event) endpoint() endpoint {
	r := e.r
	src := endpoint{device: first(r.Account.Proved.Device, r.Account.Asserted.Device), service: r.Service.Name}
	if ip, err := netip.ParseAddr(r.IP); err == nil && ip.Zone() == "" {
		src.ip = ip.String()
	}
	if src.service == "" && r.Surface != audit.SurfaceUnknown {
		src.service = string(r.Surface)
	}
	return src
}

// source writes where the act came from. No address is made up: a class that requires an endpoint gets the device or the
// software, and where neither is known the word for it.
func (e *event) source() {
	if !e.class.source || e.src == (endpoint{}) && !e.class.needsSource {
		return
	}
	e.Open("src_endpoint")
	e.Str("ip", e.src.ip)
	e.Str("uid", e.src.device)
	e.Str("svc_name", e.src.service)
	if e.src == (endpoint{}) {
		e.Str("name", unknownWord)
	}
	e.Close()
}

func (e *event) hasDevice() bool { return e.src.device != "" }

func (e *event) device() {
	if !e.hasDevice() {
		return
	}
	e.Open("device")
	e.Str("uid", e.src.device)
	e.Int("type_id", 0)
	e.Str("type", "Unknown")
	e.system()
	e.Close()
}

// system is what a client says its device runs on.
func (e *event) system() {
	v, _ := e.r.Resource.Get("os.type")
	name := v.Str()
	if name == "" {
		return
	}
	e.Open("os")
	e.Str("name", name)
	switch name {
	case "windows":
		e.Int("type_id", 100)
	case "linux":
		e.Int("type_id", 200)
	case "darwin":
		e.Int("type_id", 300)
	default:
		e.Int("type_id", other)
	}
	v, _ = e.r.Resource.Get("os.version")
	e.Str("version", v.Str())
	e.Close()
}

// httpRequest writes what is known of the request that did it.
func (e *event) httpRequest() {
	agent, verb := e.text("actor.user_agent"), first(e.text("request_method"), e.text("method"))
	if method(verb) == 0 {
		verb = ""
	}
	if !e.class.http || agent == "" && verb == "" {
		return
	}
	e.Open("http_request")
	e.Str("http_method", verb)
	e.Str("user_agent", agent)
	e.Close()
}

func appendUint(b []byte, n uint64) []byte { return strconv.AppendUint(b, n, 10) }
