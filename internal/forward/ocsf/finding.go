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
	w := newWriter(append(dst, '{'))
	activity := findingActivity(f.State)
	w.classified(classes[detectionFinding], activity, classes[detectionFinding].activities[activity], f.Severity)
	id, status := findingStatus(activity)
	if f.State == "excepted" {
		id, status = 3, "Suppressed"
	}
	w.Int("status_id", id)
	w.Str("status", status)
	w.Int("time", f.Time.UnixMilli())
	w.Milli("start_time", f.First)
	w.Milli("end_time", f.Last)
	if f.Count > 0 {
		w.Int("count", f.Count)
	}
	w.Str("message", f.Sentence)
	w.Truth("is_alert", true)
	w.ownMetadata(version, f.ID+"/"+first(f.State, "open"), first(f.Kind, "alert"), f.Org, f.Time)
	w.finding(f)
	w.evidence(f)
	w.Close()
	return w.B, nil
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
	w.Open("finding_info")
	w.Str("uid", first(f.ID, unknownWord))
	w.Str("title", f.Title)
	w.Str("desc", f.Sentence)
	w.Milli("first_seen_time", f.First)
	w.Milli("last_seen_time", f.Last)
	w.Str("src_url", f.Link)
	if f.Rule != "" {
		w.Open("analytic")
		w.Str("uid", f.Rule)
		w.Str("name", f.Title)
		w.Int("type_id", 1)
		w.Str("type", "Rule")
		w.Str("version", f.Version)
		w.Close()
	}
	w.Close()
}

// evidence is what the finding rests on: positions in the journal, and what its rule matched.
func (w *writer) evidence(f *Finding) {
	w.Open("unmapped")
	w.Open(own)
	w.Str("account", f.Account)
	w.Str("state", f.State)
	w.Str("threshold", f.Threshold)
	w.texts("group", f.Group)
	w.texts("fields", f.Fields)
	if len(f.Seqs) > 0 {
		w.List("positions")
		for _, seq := range f.Seqs {
			w.Position(seq)
		}
		w.CloseList()
	}
	w.Close()
	w.Close()
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
	w.Open(name)
	for _, k := range keys {
		w.Quoted(k, m[k])
	}
	w.Close()
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
	w := newWriter(append(dst, '{'))
	w.classified(classes[webResourcesActivity], 1, "Create", "")
	w.Int("status_id", 1)
	w.Str("status", "Success")
	w.Int("time", c.Time.UnixMilli())
	w.Str("raw_data", c.Note)
	w.ownMetadata(version, fmt.Sprintf("checkpoint/%s/%d", c.Origin, c.Size), "checkpoint", "", c.Time)
	w.List("web_resources")
	w.Element()
	w.Str("type", "ledger checkpoint")
	w.Str("uid", first(c.Origin, unknownWord))
	w.Open("data")
	w.Uint("size", c.Size)
	w.Close()
	w.Close()
	w.CloseList()
	w.Close()
	return w.B, nil
}

// classified begins an event.
func (w *writer) classified(c *class, activity int, activityName, grave string) {
	w.Int("activity_id", int64(activity))
	w.Str("activity_name", activityName)
	w.Int("category_uid", int64(c.category))
	w.Str("category_name", c.categoryName)
	w.Int("class_uid", int64(c.uid))
	w.Str("class_name", c.name)
	w.Int("type_uid", int64(c.uid*100+activity))
	id, name := severity(grave)
	w.Int("severity_id", id)
	w.Str("severity", name)
}

func (w *writer) ownMetadata(version, uid, code, org string, at time.Time) {
	w.Open("metadata")
	w.Str("version", version)
	w.Str("uid", uid)
	w.Str("event_code", "tripod."+code)
	w.Milli("logged_time", at)
	w.Str("tenant_uid", org)
	w.Str("log_name", own)
	w.Str("log_provider", "Tripod")
	w.Open("product")
	w.Str("vendor_name", "Tripod")
	w.Str("name", "Tripod")
	w.Close()
	w.Close()
}
