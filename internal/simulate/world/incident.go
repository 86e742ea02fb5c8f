package world

import "time"

// Incident is something that goes wrong in a week. Each happens once a week, at a weekday and time of its own.
type Incident string

// The incidents.
const (
	SSOOff             Incident = "sso_off"             // single sign-on is turned off at night
	BulkInvite         Incident = "bulk_invite"         // many invitations in a few minutes
	ExportOffHours     Incident = "export_off_hours"    // data export outside its window
	RoleEscalation     Incident = "role_escalation"     // an account makes another an owner
	ToolChanged        Incident = "tool_changed"        // the definition of an MCP tool changes between two connections
	Injection          Incident = "injection"           // a tool result tells the model to send data out, and an outbound tool is called
	Silenced           Incident = "silenced"            // a laptop's log exporter is cut off for a while; its metrics and spans go on
	MismatchedIdentity Incident = "mismatched_identity" // telemetry names another account than the credential proves
	LostBatches        Incident = "lost_batches"        // some exports of a client never arrive
	WipedLaptop        Incident = "wiped_laptop"        // a process ends without a word and the device never returns
	KeyElsewhere       Incident = "key_elsewhere"       // an API key is used from an unknown address
	DeniedTool         Incident = "denied_tool"         // a tool call is refused by a hook of the enterprise
	WithheldTool       Incident = "withheld_tool"       // a tool call of the model's never reaches the client: the gateway withholds it
)

// occasion is when an incident happens, who is in it, and how it is told.
type occasion struct {
	incident Incident
	day      int // days after Monday
	from, to time.Duration
	who      string        // login of the account it happens to; "" for the one that leaves that week
	busy     time.Duration // how long after it the account does nothing else
	tell     func(*World, time.Time, *Account) []Act
}

// occasions is the week of incidents, in UTC. What is told with an incident switched off: "absent" means none of it happens,
// "ordinary" that the same acts happen as on a normal day.
//
//	incident             when            whose               without it
//	lost_batches         Mon 13:20-14:30 luca@               ordinary: all reports arrive
//	role_escalation      Mon 21:45-21:59 tobias@             absent
//	silenced             Tue 09:17-09:59 mikkel@             ordinary: the log goes on
//	denied_tool          Tue 21:30-21:56 dana@               absent: her evening goes on without it
//	tool_changed         Wed 11:04-11:10 vikram@             ordinary: the tools stay as they were
//	injection            Wed 14:18-14:38 sanjay@             absent: his afternoon goes on without it
//	bulk_invite          Thu 03:30-03:36 leonie@             absent
//	withheld_tool        Thu 08:31-08:58 gareth@             absent: his morning goes on without it
//	wiped_laptop         Thu 15:05-15:50 who leaves on Friday ordinary: the process goes on to its end
//	mismatched_identity  Fri 08:30-09:12 sneha@              ordinary: the telemetry names its account
//	key_elsewhere        Sat 04:10-05:20 ci-integration@     absent
//	sso_off              Sat 23:10-23:56 marit@              absent
//	export_off_hours     Sun 01:25-01:59 aaron@              absent
//
// No incident is under way at 00:00, 06:00, 12:00 or 18:00.
func occasions() []occasion {
	at := func(hour, minute int) time.Duration {
		return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	}
	return []occasion{
		{LostBatches, 0, at(13, 20), at(14, 30), "luca", 2 * time.Hour, (*World).lostBatches},
		{RoleEscalation, 0, at(21, 45), at(21, 59), "tobias", 0, (*World).roleEscalation},
		{Silenced, 1, at(9, 17), at(9, 59), "mikkel", 2 * time.Hour, (*World).silenced},
		{DeniedTool, 1, at(21, 30), at(21, 56), "dana", 3 * time.Hour, (*World).deniedTool},
		{ToolChanged, 2, at(11, 4), at(11, 10), "vikram", 5 * time.Hour, (*World).toolChanged},
		{Injection, 2, at(14, 18), at(14, 38), "sanjay", 2 * time.Hour, (*World).injection},
		{BulkInvite, 3, at(3, 30), at(3, 36), "leonie", 0, (*World).bulkInvite},
		{WithheldTool, 3, at(8, 31), at(8, 58), "gareth", 2 * time.Hour, (*World).withheldTool},
		{WipedLaptop, 3, at(15, 5), at(15, 50), "", 4 * day, (*World).wipedLaptop},
		{MismatchedIdentity, 4, at(8, 30), at(9, 12), "sneha", time.Hour, (*World).mismatchedIdentity},
		{KeyElsewhere, 5, at(4, 10), at(5, 20), "ci-integration", 0, (*World).keyElsewhere},
		{SSOOff, 5, at(23, 10), at(23, 56), "marit", 0, (*World).ssoOff},
		{ExportOffHours, 6, at(1, 25), at(1, 59), "aaron", 0, (*World).exportOffHours},
	}
}

// Incidents lists all there are, in the order of the week.
func Incidents() []Incident {
	var list []Incident
	for _, o := range occasions() {
		list = append(list, o.incident)
	}
	return list
}

// When tells the first time at or after a time that an incident begins, and the time before which it is over. An unknown
// incident has zero times.
func (w *World) When(i Incident, after time.Time) (from, to time.Time) {
	for _, o := range occasions() {
		if o.incident != i {
			continue
		}
		start := monday(after).AddDate(0, 0, o.day)
		if start.Add(o.from).Before(after) {
			start = start.AddDate(0, 0, 7)
		}
		return start.Add(o.from), start.Add(o.to)
	}
	return time.Time{}, time.Time{}
}

// Whose is the account an incident happens to in the week that holds a time, nil for none.
func (w *World) Whose(i Incident, at time.Time) *Account {
	for _, o := range occasions() {
		if o.incident == i {
			return w.protagonist(o, monday(at))
		}
	}
	return nil
}

func (w *World) protagonist(o occasion, start time.Time) *Account {
	if o.who == "" {
		return w.leaver(start)
	}
	return w.Account(o.who + "@" + w.Org.Domain)
}

// trouble tells the incidents of a day, with the work around them.
func (w *World) trouble(date time.Time) []Act {
	start := monday(date)
	var acts []Act
	for _, o := range occasions() {
		if !start.AddDate(0, 0, o.day).Equal(date) {
			continue
		}
		if who := w.protagonist(o, start); who != nil {
			acts = append(acts, o.tell(w, date, who)...)
		}
	}
	return acts
}

// engaged reports whether an account is in an incident about the time a line of ordinary work would take; it does nothing
// else then, so that what an incident shows is not blurred.
func (w *World) engaged(a *Account, start time.Time) bool {
	first := monday(start)
	for _, o := range occasions() {
		if o.busy == 0 || w.protagonist(o, first) != a {
			continue
		}
		date := first.AddDate(0, 0, o.day)
		if start.After(date.Add(o.from-longest)) && start.Before(date.Add(o.to+o.busy)) {
			return true
		}
	}
	return false
}
