package complianceapi

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// doer is who did something, from where.
type doer struct {
	account *world.Account
	ip      string
	agent   string
	email   string // of somebody who is not signed in
}

// actor is the JSON of who did something, of a kind that an activity type can have; user is the id by which it can be asked for.
func (a *API) actor(d doer, k *kind, seed string) (body []byte, user string) {
	kinds := k.Actors
	want := "user_actor"
	switch {
	case d.account == nil && d.email != "":
		want = "unauthenticated_user_actor"
	case d.account == nil:
		want = "system_actor"
	case d.account.Service && d.account.Key == "": // the directory's synchronisation
		want = "scim_directory_sync_actor"
	}
	if len(kinds) > 0 && !slices.Contains(kinds, want) {
		want = kinds[0]
		if i := slices.Index(kinds, "user_actor"); i >= 0 && d.account != nil {
			want = kinds[i]
		}
	}
	return a.actorOf(want, d, seed)
}

func (a *API) actorOf(want string, d doer, seed string) (body []byte, user string) {
	var o object
	o.text("type", want)
	id := func(prefix string) string { return a.dice.id(prefix, want, seed) }
	where := func() {
		o.textOrNull("ip_address", d.ip)
		o.textOrNull("user_agent", d.agent)
	}
	switch want {
	case "user_actor":
		acc := d.account
		if acc == nil {
			acc = a.opts.World.Accounts[a.dice.n(40, "actor", seed)]
		}
		user = acc.User
		o.text("email_address", acc.Email)
		o.text("user_id", acc.User)
		if d.ip == "" {
			d.ip, d.agent = "0.0.0.0", "anthropic-internal/1.0"
		}
		where()
	case "api_actor":
		o.text("api_key_id", id("apikey_01"))
		where()
	case "admin_api_key_actor":
		o.text("admin_api_key_id", id("apikey_01"))
		where()
	case "unauthenticated_user_actor":
		email := d.email
		if d.account != nil {
			email = d.account.Email
		}
		o.textOrNull("unauthenticated_email_address", email)
		where()
	case "anthropic_actor":
		o.raw("email_address", "null")
	case "system_actor":
		o.text("service", "lifecycle-worker")
	case "service_account_actor":
		o.text("service_account_id", id("svac_01"))
		where()
	case "scim_directory_sync_actor":
		o.text("directory_id", a.dice.id("directory_01", "the directory"))
		o.text("workos_event_id", id("event_01"))
		o.text("idp_connection_type", "AzureSCIMV2")
	default:
		a.federated(&o, want, seed)
		where()
	}
	return o.end(), user
}

// federated writes the actors that come from elsewhere, and those of kinds that nobody knows.
func (a *API) federated(o *object, want, seed string) {
	switch want {
	case "federated_identity_actor":
		o.text("issuer", "https://token.actions.example")
		o.text("subject", "repo:nordwald/etl:ref:refs/heads/main")
		o.value("audience", []string{"https://api.anthropic.com"})
	case "federated_actor":
		o.value("provider", map[string]string{"type": "aws", "account_id": "000000000000", "signed_principal": "arn:aws:iam::000000000000:role/etl"})
		o.text("subject", "role/etl")
	case "attested_device_actor":
		o.text("external_client_id", a.dice.uuid("device", seed))
		o.text("kid_hash", strings.ReplaceAll(a.dice.uuid("kid", seed), "-", ""))
	default:
		o.text("actor_id", a.dice.id("new_01", seed))
		o.value("attestation", map[string]any{"level": a.dice.n(4, "level", seed), "chain": []string{"a" + strconv.Itoa(a.dice.n(90, seed)), "b"}})
	}
}
