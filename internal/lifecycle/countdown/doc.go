// Package countdown tells where evidence disappears at the vendor, when, and what of it is held here: transcripts that are kept
// for a month alone, content whose period there is over, chats that their users deleted.
//
// What the vendor says of itself is data with its page and the day of that page (Facts); which of it is the case is told by
// the settings that were swept, and what there is to lose by the records. A Report is a function of views, content and the time
// it is asked for: it stores nothing, and promises nothing of what no record tells.
//
// Durability: none, there is nothing to keep. Order: what disappears first comes first. Concurrency: Find is safe for concurrent
// use; a Watcher's Run belongs to one goroutine, and Latest may be called by anybody.
package countdown
