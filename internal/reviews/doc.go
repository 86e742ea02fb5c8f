// Package reviews is the audit of the auditors: who looked at what, when, under which case and purpose, as Tripod's own
// acts on record tell it; what of that concerned one account, without the names of who looked; and the digest of a week.
//
// It is a reading: everything here is computed from records that the search view finds, nothing is stored but the records
// of a digest (Digester) and those that whoever shows it makes of its own openings, so durability and order are those of
// the journal. Texts of queries are content: they open under a grant for that alone. Lists are read page by page, so memory
// stays bounded however long the log is. No counts by person exist: who opened content is listed under the case.
//
// Functions are pure where they take records; a Log, its Texts and a Digester may be used by several at once (concurrently),
// except that Digester.Run belongs to one goroutine.
package reviews
