package ocsf

import (
	"fmt"
	"slices"
	"time"
)

// Finding is a conclusion Tripod draws from records: an alert, or a discrepancy between sources. It holds metadata only.
type Finding struct {
	ID       string // the same for the same conclusion, whenever it is drawn
	State    string // "open", "acknowledged", "resolved", "excepted"
	Kind     string // "alert", "discrepancy"
	Rule     string // id of the rule that fired
	Version  string // of the rule
	Title    string
	Sentence string // account, act, object, time
	Severity string // "info", "low", "medium", "high", "critical"
	Org      string // the organisation, "" where several or none
	Account  string // the most telling identifier of who acted

	Time        time.Time // when the conclusion was drawn, by the records' clock
	First, Last time.Time // of the records it rests on, as they occurred
	Count       int64     // of records or values counted
	Seqs        []uint64  // positions of records it rests on
	Group       map[string]string
	Fields      map[string]string // what matched
	Threshold   string
	Link        string // permalink to it; "" for none
}

// AppendFinding appends a finding as an event of class Detection Finding (2004) in a version of the schema. Equal findings
// are equal events. An unknown version is an error.
func AppendFinding(dst []byte, version string, f *Finding) ([]byte, error) {
	if !slices.Contains(Versions(), version) {
		return dst, fmt.Errorf("write finding %s as OCSF: there is no version %q, but %q", f.ID, version, Versions())
	}
	w := writer{b: append(dst, '{')}
	activity := findingActivity(f.State)
	w.classified(classes[detectionFinding], activity, classes[detectionFinding].activities[activity], f.Severity)
	id, status := findingStatus(activity)
	if f.State == "excepted" {
		id, status = 3, "Suppressed"
	}
	w.int("status_id", id)
	w.str("status", status)
	w.int("time", f.Time.UnixMilli())
	w.milli("start_time", f.First)
	w.milli("end_time", f.Last)
	if f.Count > 0 {
		w.int("count", f.Count)
	}
	w.str("message", f.Sentence)
	w.truth("is_alert", true)
	w.ownMetadata(version, f.ID+"/"+first(f.State, "open"), first(f.Kind, "alert"), f.Org, f.Time)
	w.finding(f)
	w.evidence(f)
	w.close()
	return w.b, nil
}

func findingActivity(state string) int {
	switch state {
	case "", "open":
		return 1
	case "resolved":
		return 3
	}
	return 2
}

func (w *writer) finding(f *Finding) {
	w.open("finding_info")
	w.str("uid", first(f.ID, unknownWord))
	w.str("title", f.Title)
	w.str("desc", f.Sentence)
	w.milli("first_seen_time", f.First)
	w.milli("last_seen_time", f.Last)
	w.str("src_url", f.Link)
	if f.Rule != "" {
		w.open("analytic")
		w.str("uid", f.Rule)
		w.str("name", f.Title)
		w.int("type_id", 1)
		w.str("type", "Rule")
		w.str("version", f.Version)
		w.close()
	}
	w.close()
}

// evidence is what the finding rests on: positions in the journal, and what its rule matched.
func (w *writer) evidence(f *Finding) {
	w.open("unmapped")
	w.open(own)
	w.str("account", f.Account)
	w.str("state", f.State)
	w.str("threshold", f.Threshold)
	w.texts("group", f.Group)
	w.texts("fields", f.Fields)
	if len(f.Seqs) > 0 {
		w.list("positions")
		for _, seq := range f.Seqs {
			w.comma()
			w.b = appendUint(w.b, seq)
		}
		w.closeAll()
	}
	w.close()
	w.close()
}

// texts writes a map in the order of its keys.
func (w *writer) texts(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	w.open(name)
	for _, k := range keys {
		w.quoted(k, m[k])
	}
	w.close()
}

// Checkpoint is the ledger's signed head.
type Checkpoint struct {
	Origin string
	Size   uint64
	Time   time.Time // when it was signed
	Note   string    // the signed note, as https://c2sp.org/tlog-checkpoint has it
}

// AppendCheckpoint appends a checkpoint as an event of class Web Resources Activity (6001), the note whole in raw_data.
func AppendCheckpoint(dst []byte, version string, c *Checkpoint) ([]byte, error) {
	if !slices.Contains(Versions(), version) {
		return dst, fmt.Errorf("write a checkpoint as OCSF: there is no version %q, but %q", version, Versions())
	}
	w := writer{b: append(dst, '{')}
	w.classified(classes[webResourcesActivity], 1, "Create", "")
	w.int("status_id", 1)
	w.str("status", "Success")
	w.int("time", c.Time.UnixMilli())
	w.str("raw_data", c.Note)
	w.ownMetadata(version, fmt.Sprintf("checkpoint/%s/%d", c.Origin, c.Size), "checkpoint", "", c.Time)
	w.list("web_resources")
	w.element()
	w.str("type", "ledger checkpoint")
	w.str("uid", first(c.Origin, unknownWord))
	w.open("data")
	w.uint("size", c.Size)
	w.close()
	w.close()
	w.closeAll()
	w.close()
	return w.b, nil
}

// classified begins an event.
func (w *writer) classified(c *class, activity int, activityName, grave string) {
	w.int("activity_id", int64(activity))
	w.str("activity_name", activityName)
	w.int("category_uid", int64(c.category))
	w.str("category_name", c.categoryName)
	w.int("class_uid", int64(c.uid))
	w.str("class_name", c.name)
	w.int("type_uid", int64(c.uid*100+activity))
	id, name := severity(grave)
	w.int("severity_id", id)
	w.str("severity", name)
}

func (w *writer) ownMetadata(version, uid, code, org string, at time.Time) {
	w.open("metadata")
	w.str("version", version)
	w.str("uid", uid)
	w.str("event_code", "tripod."+code)
	w.milli("logged_time", at)
	w.str("tenant_uid", org)
	w.str("log_name", own)
	w.str("log_provider", "Tripod")
	w.open("product")
	w.str("vendor_name", "Tripod")
	w.str("name", "Tripod")
	w.close()
	w.close()
}
