// Package ocsf writes an audit record as an event of the Open Cybersecurity Schema Framework (https://schema.ocsf.io), in
// version 1.6.0, which Anthropic's own mapping of Compliance API events names, or 1.8.0.
//
// It promises: an event is a pure function of record, position and version, valid by the schema whatever the record says,
// and it loses nothing: every attribute stands under "unmapped" by its source's name, whatever else of the event repeats
// it, and what a record says beside its attributes stands in its place of the schema or under "unmapped.tripod". It holds
// no content, as records do not. Nothing is durable; everything here is safe for concurrent use.
//
// Which class a record belongs to, and where its object stands, is the table types.tsv; docs/ocsf.md describes the rest.
package ocsf

import (
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward/ocsf/schema"
)

// Version is the version of the schema that events have unless another is asked for.
const Version = "1.6.0"

// Versions lists the versions of the schema an event can be written in.
func Versions() []string { return schema.Versions() }

// Append appends a record as an event of version 1.6.0: one JSON object, no line feed. seq is its position in the journal.
// It returns an error only for what is no record.
func Append(dst []byte, seq uint64, r *audit.Record) ([]byte, error) { return v160.append(dst, seq, r) }

// Append180 does the same in version 1.8.0, where what concerns a model has places of its own.
func Append180(dst []byte, seq uint64, r *audit.Record) ([]byte, error) {
	return v180.append(dst, seq, r)
}

// Problem is one departure of an event from the schema.
type Problem = schema.Problem

// Validate checks an event by the schema of a version. It reports none for a valid event; an unknown version is a problem.
func Validate(version string, event []byte) []Problem {
	s, err := schema.Load(version)
	if err != nil {
		return []Problem{{Path: "metadata.version", Text: err.Error()}}
	}
	return s.Validate(event)
}

// format is a version of the schema as this package writes it.
type format struct {
	version string
	// ownUID: metadata.uid names the event, and the source's id stands in metadata.original_event_uid (since 1.7.0).
	ownUID bool
	// ai: the profile ai_operation is there, for API activity (since 1.8.0).
	ai bool
}

var (
	v160 = format{version: "1.6.0"}
	v180 = format{version: "1.8.0", ownUID: true, ai: true}
)

func (f *format) append(dst []byte, seq uint64, r *audit.Record) ([]byte, error) {
	if r == nil {
		return dst, fmt.Errorf("write position %d as OCSF: there is no record", seq)
	}
	e := event{format: f, seq: seq, r: r, writer: newWriter(dst)}
	e.write()
	return e.B, nil
}
