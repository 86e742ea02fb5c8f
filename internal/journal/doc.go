// Package journal is the durable, ordered list of all records: the only source of truth. Everything else in Tripod can
// be computed from it again.
//
// Durability: Append returns nil only after records, cursors and ids are in DIR/journal.db and synced (SQLite, WAL mode,
// synchronous=FULL). A batch is stored whole or not at all. Erase returns nil only after the bytes are gone from the
// database file, from its free space and from the write-ahead log.
//
// Order: every record has a position, seq, from 1 without gaps; it never changes and is never used twice. Followers and
// scans see positions in order. A record that was erased or lost leaves a tombstone at its position.
//
// Re-delivery: an entry whose ID the journal still remembers adds nothing and is answered with the position of the first
// delivery. Entries marked Forever are remembered for ever, the others for Options.RememberFor and at most
// Options.RememberMax ids, measured by the time of recording, never by the clock.
//
// Concurrency: one process has the journal open for writing (DIR/journal.lock), any number read it beside it. Every
// exported method is safe for concurrent use, except that a Follower belongs to one goroutine. One committer, Run,
// gathers what waits and commits it with one sync. Readers use short transactions, so they hold up neither the
// committer nor the write-ahead log.
//
// Layout: one row a group commit in frames (first seq, count, ids, frame; see package frame), one row a record in salts, and
// cursors and lasting ids in tables of their own. A chunk of the frame is decoded when a record in it is wanted, never
// the whole row.
package journal
