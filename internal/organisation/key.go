package organisation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// keyType says what an activity means for a key.
type keyType struct {
	kind, what string
	id         string // attribute
	detail     string
}

// What happened to a key.
const (
	KeyCreated = "created"
	KeyChanged = "changed"
	KeyEnded   = "ended" // deleted or revoked
)

// keyTypes are the activities about keys. A Compliance Access Key is an API key with scopes of its own.
var keyTypes = map[string]keyType{
	"api_key_created":          {"api", KeyCreated, "api_key_id", "scopes"},
	"scoped_api_key_updated":   {"api", KeyChanged, "api_key_id", "updates.0.type"},
	"scoped_api_key_deleted":   {"api", KeyEnded, "api_key_id", "scopes"},
	"admin_api_key_created":    {"admin", KeyCreated, "admin_api_key_id", "scopes"},
	"admin_api_key_updated":    {"admin", KeyChanged, "admin_api_key_id", "updates.0.type"},
	"admin_api_key_deleted":    {"admin", KeyEnded, "admin_api_key_id", ""},
	"platform_api_key_created": {"platform", KeyCreated, "api_key_id", ""},
	"platform_api_key_updated": {"platform", KeyChanged, "api_key_id", "updates.0.type"},
	"service_key_created":      {"service", KeyCreated, "service_key_id", "scopes"},
	"service_key_revoked":      {"service", KeyEnded, "service_key_id", ""},
}

// keyActivity takes in an activity about a key.
func keyActivity(ctx context.Context, t *taking, e *entry) error {
	kind := keyTypes[e.Type]
	id := e.value(kind.id)
	if id == "" {
		return nil
	}
	var detail []string
	v, _ := e.Attributes.Get(kind.detail)
	if s := v.Text(); s != "" {
		detail = append(detail, s)
	}
	for _, it := range v.Items() {
		detail = append(detail, it.Text())
	}
	err := t.Exec(ctx, `INSERT INTO key_log VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`, int64(e.seq), id, kind.kind, kind.what, e.at, e.seen.by,
		strings.Join(detail, " "))
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// Bounds of what is kept of the calls under a key, and the rings by which our own calls are recognised in them.
const (
	mostRoutes    = 200
	mostAddresses = 1000
	callRing      = 512
	ownRing       = 8192
)

// accessed takes in one call of the Compliance API, by whomever.
func accessed(ctx context.Context, t *taking, e *entry) error {
	caller := e.seen.subject
	if id := e.Account.Proved.Key; id != "" {
		caller = kindKey + ":" + id
	}
	if caller == "" {
		caller = "nobody:"
	}
	method, route := e.value("request_method"), routeOf(e.value("url"))
	refused := 0
	if status := e.value("status_code"); status != "" && !strings.HasPrefix(status, "2") {
		refused = 1
	}
	var routes int
	if _, err := t.Row(ctx, `SELECT count(*) FROM calls WHERE caller = ?`, []any{caller}, &routes); err != nil {
		return err
	}
	if routes >= mostRoutes {
		method, route = "", ""
	}
	err := t.Exec(ctx, `INSERT INTO calls VALUES (?,?,?,1,?,?,?,?,?) ON CONFLICT DO UPDATE SET n = n + 1, refused = refused + excluded.refused, `+wider,
		caller, method, route, refused, e.at, e.at, int64(e.seq), int64(e.seq))
	if err != nil {
		return fmt.Errorf("calls: %w", err)
	}
	if err := address(ctx, t, e, caller); err != nil {
		return err
	}
	return recognise(ctx, t, caller, e.Keys.Request, runOf(e.value("actor.user_agent")))
}

// address notes where a call came from.
func address(ctx context.Context, t *taking, e *entry, caller string) error {
	if e.IP == "" {
		return nil
	}
	err := t.Exec(ctx, `INSERT INTO addresses SELECT ?1, ?2, ?3, ?3, ?4, ?4
		WHERE EXISTS (SELECT 1 FROM addresses WHERE caller = ?1 AND ip = ?2) OR (SELECT count(*) FROM addresses WHERE caller = ?1) < ?5
		ON CONFLICT DO UPDATE SET `+wider, caller, e.IP, e.at, int64(e.seq), mostAddresses)
	if err != nil {
		return fmt.Errorf("addresses: %w", err)
	}
	return nil
}

// anyRun is the run of a call whose user agent is not told, anotherClient of one whose user agent is no Tripod's.
const (
	anyRun        = ""
	anotherClient = "-"
)

// runOf is the run of Tripod that a user agent names: "tripod/1.2 (run 9F3C, call 17)".
func runOf(agent string) string {
	if agent == "" {
		return anyRun
	}
	_, comment, ok := strings.Cut(agent, " (run ")
	run, _, named := strings.Cut(comment, ", call ")
	if !ok || !named || run == "" {
		return anotherClient
	}
	return run
}

// recognise tells whether a call that the feed shows is one that Tripod says it made. Either may come first. Where the
// call's user agent names another run or client, its id alone makes it none of ours.
func recognise(ctx context.Context, t *taking, caller, request, run string) error {
	if request == "" || run == anotherClient {
		return nil
	}
	var one int
	ours, err := t.Row(ctx, `SELECT 1 FROM own_ids WHERE id = ?1 AND (?2 = '' OR run = '' OR run = ?2)`, []any{request, run}, &one)
	if err != nil {
		return err
	}
	if ours {
		return ownCaller(ctx, t, caller)
	}
	var calls int64
	if _, err := t.Row(ctx, `SELECT sum(n) FROM calls WHERE caller = ?`, []any{caller}, &calls); err != nil {
		return err
	}
	if err := t.Exec(ctx, `INSERT OR REPLACE INTO call_ids VALUES (?,?,?,?)`, caller, calls%callRing, request, run); err != nil {
		return fmt.Errorf("calls: %w", err)
	}
	return nil
}

// ownRequests takes in which calls Tripod made.
func ownRequests(ctx context.Context, t *taking, e *entry) error {
	ids, _ := e.Attributes.Get("request_ids")
	run := e.value("run")
	for _, it := range ids.Items() {
		id := it.Text()
		if id == "" {
			continue
		}
		var caller string
		seen, err := t.Row(ctx, `SELECT caller FROM call_ids WHERE id = ?1 AND (?2 = '' OR run = '' OR run = ?2)`, []any{id, run}, &caller)
		if err != nil {
			return err
		}
		if seen {
			if err := ownCaller(ctx, t, caller); err != nil {
				return err
			}
			continue
		}
		if err := t.Exec(ctx, `INSERT INTO own_ids (id, run) VALUES (?,?)`, id, run); err != nil {
			return fmt.Errorf("own calls: %w", err)
		}
	}
	return t.Exec(ctx, `DELETE FROM own_ids WHERE slot <= (SELECT max(slot) FROM own_ids) - ?`, ownRing)
}

func ownCaller(ctx context.Context, t *taking, caller string) error {
	return t.Exec(ctx, `INSERT INTO own_callers VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1`, caller)
}

// routeOf is the route of an address: what looks like an id stands as {id}.
func routeOf(url string) string {
	url = strings.TrimPrefix(url, "https://api.anthropic.com")
	parts := strings.Split(url, "/")
	for i, p := range parts {
		if strings.Trim(p, "abcdefghijklmnopqrstuvwxyz_-") != "" && p != "v1" {
			parts[i] = "{id}"
		}
	}
	return strings.Join(parts, "/")
}

// fieldsOf are the fields of something the directory lists, as JSON.
func fieldsOf(e *entry) (string, error) {
	fields := make(map[string]string)
	for _, a := range e.Attributes {
		switch a.Name {
		case "change", "id", "changed", "organization_uuid", "last_sweep":
			continue
		}
		if strings.HasPrefix(a.Name, "previous.") {
			continue
		}
		s := a.Value.Text()
		for i, it := range a.Value.Items() {
			if i > 0 {
				s += " "
			}
			s += it.Text()
		}
		fields[a.Name] = s
	}
	b, err := json.Marshal(fields)
	return string(b), err
}
