// Package correlate is the view that finds discrepancies: two sources disagree, or something expected did not come.
//
// It follows the journal and takes time from records, never from the clock, so its file (DIR/correlate.db) can be
// thrown away: a rebuild from the same journal gives the same discrepancies under the same ids, however the journal was
// cut into batches. What a batch changed and the position it stands for commit together; after a crash the view goes on
// from the last commit, and a batch delivered again changes nothing. A lost file costs a rebuild and no evidence.
//
// Concurrency: batches are applied in the order of the journal by one caller at a time; List, Count and Position may be called at
// any time, also by other processes, and see whole batches only.
//
// A discrepancy is a lower bound worded so that it could be disclosed. Where what was received can be explained without
// a loss, the view is silent; no discrepancy is no proof of completeness. Each kind has a file of its own that says what it
// claims and what it cannot see.
package correlate
