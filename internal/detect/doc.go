// Package detect is the view of detections: it holds the records of the journal against Sigma rules and correlations, and keeps what
// they find as firings. docs/sigma.md says what rules can say, internal/detect/sigma reads them.
//
// It follows the journal and takes time from records only, so its file (DIR/detect.db) can be thrown away: a rebuild from the same
// journal with the same rules gives the same firings under the same ids, however the journal was cut into batches.
//
// Durability: firings, the state of correlations and the position they stand for commit together; after a crash the view goes on
// from the last commit, and a batch delivered again changes nothing. A lost file costs a rebuild and no evidence. Order: firings are
// ordered by the position of the record that made them fire, which a rebuild keeps. Concurrency: batches are applied in the order of the journal by
// one caller at a time; List, After, Stats and Position may be called at any time, also by other processes, and see whole batches only.
//
// A correlation counts records that occurred within its timespan of each other, both ends included, in whatever order they came. Records that
// each came no later than the lateness after they occurred are always counted together; what came later is counted with what is
// still held, and told as late. What is held is bounded, and what a bound cost is told: never a silent loss.
//
// What is held of records are positions, times and digests; a firing also has values of the fields its rule names, which records
// hold as metadata. Erasing a record takes them away; the firing keeps its positions.
package detect
