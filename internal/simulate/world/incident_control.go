package world

import (
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// incidentDesk is where an incident of the control plane is told; nil where it is switched off.
func (w *World) incidentDesk(i Incident, date time.Time, clock time.Duration) *desk {
	if w.without[i] {
		return nil
	}
	k := w.desk("incident/"+string(i)+"/"+date.Format(time.DateOnly), date.Add(clock))
	k.incident, k.surface = i, audit.SurfaceConsole
	return k
}

func (w *World) roleEscalation(date time.Time, who *Account) []Act {
	k := w.incidentDesk(RoleEscalation, date, 21*time.Hour+46*time.Minute)
	target := w.joiner(monday(date))
	if k == nil || target == nil {
		return nil
	}
	k.add(who, ControlAct{Type: "claude_user_role_updated", Target: target.Email, Object: target.User, Old: "user", New: "owner"})
	k.pause(2*time.Minute, 5*time.Minute)
	k.add(who, ControlAct{Type: "rbac_role_assigned", Target: target.Email, Object: k.d.vendor("rbac_role_01"), New: "organization_owner"})
	return k.acts
}

func (w *World) bulkInvite(date time.Time, who *Account) []Act {
	k := w.incidentDesk(BulkInvite, date, 3*time.Hour+30*time.Minute+20*time.Second)
	if k == nil {
		return nil
	}
	for n := range 24 {
		email := asciiLower(pick(k.d, comingFirst)) + strconv.Itoa(100+n) + "@mail.example"
		k.add(who, ControlAct{Type: "org_user_invite_sent", Target: email, Names: []string{email}, Object: k.d.vendor("invite_01"), New: "user"})
		k.pause(4*time.Second, 13*time.Second)
	}
	return k.acts
}

func (w *World) keyElsewhere(date time.Time, who *Account) []Act {
	if w.without[KeyElsewhere] {
		return nil
	}
	name := "incident/" + string(KeyElsewhere) + "/" + date.Format(time.DateOnly)
	k := w.desk(name, date.Add(4*time.Hour+11*time.Minute))
	k.incident, k.surface = KeyElsewhere, audit.SurfaceAPI
	// Nobody's device: neither inventory nor telemetry knows it. Whose hands they are is not known even here; the key is who's.
	elsewhere := &Device{Name: "unknown", OSType: "linux", IP: "203.0.113.254", Owner: who, Gateway: true}
	for range k.d.between(12, 18) {
		p := prices[opus]
		r := &RequestAct{
			Model: opus, Attempt: 1, Input: int64(k.d.between(2_000, 60_000)), Output: int64(k.d.between(200, 3_000)), Duration: k.d.skew(2*time.Second, 40*time.Second),
			FirstToken: k.d.span(400*time.Millisecond, 1500*time.Millisecond), Stop: "end_turn", Text: "Here is the translated configuration.",
		}
		r.CostMicros = (r.Input*p.in + r.Output*p.out) / 100
		k.tell(Act{
			Kind: Request, Account: who, Device: elsewhere, Request: r, Keys: audit.Keys{Request: k.d.request()},
			Seen: []audit.Source{audit.SourceGatewayLLM}, Missed: []audit.Source{audit.SourceOTelLog},
		})
		k.pause(time.Minute, 3*time.Minute+30*time.Second)
	}
	return k.acts
}

func (w *World) ssoOff(date time.Time, who *Account) []Act {
	k := w.incidentDesk(SSOOff, date, 23*time.Hour+12*time.Minute)
	if k == nil {
		return nil
	}
	k.add(who, ControlAct{Type: "org_sso_toggled", Old: "true", New: "false"})
	k.pause(3*time.Minute, 8*time.Minute)
	k.add(who, ControlAct{Type: "magic_link_login_initiated", Target: "marit@" + w.Org.Domain})
	k.pause(20*time.Second, time.Minute)
	k.add(who, ControlAct{Type: "magic_link_login_succeeded"})
	k.pause(15*time.Minute, 22*time.Minute)
	k.add(who, ControlAct{Type: "org_sso_toggled", Old: "false", New: "true"})
	return k.acts
}

func (w *World) exportOffHours(date time.Time, who *Account) []Act {
	k := w.incidentDesk(ExportOffHours, date, time.Hour+26*time.Minute)
	if k == nil {
		return nil
	}
	k.add(who, ControlAct{Type: "org_data_export_started", New: "full"})
	k.pause(12*time.Minute, 18*time.Minute)
	k.add(who, ControlAct{Type: "org_data_export_completed", New: "full"})
	k.pause(2*time.Minute, 6*time.Minute)
	k.add(who, ControlAct{Type: "org_data_export_accessed", New: "full"})
	return k.acts
}
