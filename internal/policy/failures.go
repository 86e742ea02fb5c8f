package policy

import (
	"errors"
	"fmt"
)

// OnFailure is what an enforcement point does with something it could not judge or record.
type OnFailure string

// The answers to a failure.
const (
	Forward OnFailure = "forward" // let it pass, and say on record that it was not judged
	Refuse  OnFailure = "refuse"  // do not let it pass
)

// Failures is the failure table: what to do where judging or recording fails. An empty row takes the default of the mode.
type Failures struct {
	// ScanIncomplete: the detectors did not get through the text in the time for it.
	ScanIncomplete OnFailure `yaml:"scan_incomplete,omitempty"`
	// EngineError: a rule or a detector failed.
	EngineError OnFailure `yaml:"engine_error,omitempty"`
	// JournalUnavailable: what passes cannot be put on record.
	JournalUnavailable OnFailure `yaml:"journal_unavailable,omitempty"`
	// DiskFull: the same, because no space is left.
	DiskFull OnFailure `yaml:"disk_full,omitempty"`
	// UnknownEncoding: a body in an encoding or of a type that is not read.
	UnknownEncoding OnFailure `yaml:"unknown_encoding,omitempty"`
	// TooLarge: a body over the bound of what is read.
	TooLarge OnFailure `yaml:"too_large,omitempty"`
	// Malformed: JSON that others could read otherwise than we do.
	Malformed OnFailure `yaml:"malformed,omitempty"`
}

// rows names each row of the table.
func (f *Failures) rows() []struct {
	name string
	row  *OnFailure
} {
	return []struct {
		name string
		row  *OnFailure
	}{
		{"scan_incomplete", &f.ScanIncomplete}, {"engine_error", &f.EngineError}, {"journal_unavailable", &f.JournalUnavailable}, {"disk_full", &f.DiskFull},
		{"unknown_encoding", &f.UnknownEncoding}, {"too_large", &f.TooLarge}, {"malformed", &f.Malformed},
	}
}

// For fills the empty rows: observing forwards whatever fails, enforcing refuses it.
func (f Failures) For(mode Mode) Failures {
	fallback := Forward
	if mode == Enforce {
		fallback = Refuse
	}
	for _, r := range f.rows() {
		if *r.row == "" {
			*r.row = fallback
		}
	}
	return f
}

// Of is the row for what Evaluate reported in Verdict.Failed; without a failure it is Forward.
func (f *Failures) Of(failed error) OnFailure {
	switch {
	case failed == nil:
		return Forward
	case errors.Is(failed, ErrIncomplete):
		return f.ScanIncomplete
	case errors.Is(failed, ErrMalformed):
		return f.Malformed
	}
	return f.EngineError
}

// Validate gathers every row that says something else than forward or refuse.
func (f Failures) Validate() error {
	var errs []error
	for _, r := range f.rows() {
		if *r.row != "" && *r.row != Forward && *r.row != Refuse {
			errs = append(errs, fmt.Errorf("policy.failures.%s: %q is not forward or refuse", r.name, *r.row))
		}
	}
	return errors.Join(errs...)
}
