package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

// Firing is one time that a rule held: of a record, or of several together.
type Firing struct {
	ID       string      `json:"id"`    // 32 hex: of rule, group and window, or of rule and position; the same after every rebuild
	Seq      uint64      `json:"seq"`   // position of the record that made it fire; orders firings
	Rule     string      `json:"rule"`  // id of the rule
	Title    string      `json:"title"` // of the rule
	Version  string      `json:"version"`
	Severity sigma.Level `json:"severity"`
	At       time.Time   `json:"at"`       // when what it is about occurred: of several records the last
	Start    time.Time   `json:"start"`    // when the first of its records occurred
	Recorded time.Time   `json:"recorded"` // when the record that made it fire entered the journal
	// Seqs are the positions of its records, at most MaxSeqs: the first ones.
	Seqs []uint64 `json:"seqs"`
	// Group are the fields it is about, with their values: those of one rule and group belong together.
	Group     map[string]string `json:"group,omitempty"`
	Fields    map[string]string `json:"fields,omitempty"` // what the rule compared, as the record has it
	Count     int64             `json:"count"`            // records it rests on; grows while its window goes on
	Threshold string            `json:"threshold,omitempty"`
	Sentence  string            `json:"sentence"`
	Erased    bool              `json:"erased,omitempty"` // a record it rests on was erased, and with it group, fields and sentence
}

// MaxSeqs is how many positions a firing names.
const MaxSeqs = 100

// mostText bounds a value in a firing, in bytes.
const mostText = 256

// firingID names a firing by what it stands for.
func firingID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// texts reads fields of the record that a matcher holds, as names and values.
func texts(m *sigma.Matcher, fields []sigma.NamedRef) map[string]string {
	var all map[string]string
	for _, f := range fields {
		if text := joined(m, f.Ref); text != "" {
			if all == nil {
				all = map[string]string{}
			}
			all[f.Name] = text
		}
	}
	return all
}

// joined is what a field holds, its values in a row.
func joined(m *sigma.Matcher, r sigma.Ref) string {
	var b strings.Builder
	m.Values(r, func(text string) bool {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(text)
		return b.Len() < mostText
	})
	s := b.String()
	if len(s) > mostText {
		s = strings.ToValidUTF8(s[:mostText], "") + "…"
	}
	return s
}

// sentence fills a rule's own sentence, or makes one of its title and group.
func (f *Firing) sentence(h *sigma.Head, names []string) string {
	if t := h.Tripod.Sentence; t != "" {
		for _, values := range []map[string]string{f.Group, f.Fields} {
			for name, v := range values {
				t = strings.ReplaceAll(t, "{"+name+"}", v)
			}
		}
		return strings.NewReplacer("{count}", strconv.FormatInt(f.Count, 10), "{time}", f.At.Format(time.RFC3339)).Replace(t)
	}
	var about []string
	for _, n := range names {
		if v := f.Group[n]; v != "" {
			about = append(about, v)
		}
	}
	s := h.Title
	if len(about) > 0 {
		s += ": " + strings.Join(about, ", ")
	}
	if f.Count > 1 {
		s += fmt.Sprintf(", %d records", f.Count)
	}
	return s + ", " + f.At.Format("2006-01-02 15:04:05") + " UTC"
}
