// Package viewfile is what a view kept in one SQLite file shares with every other: opening and replacing the file, one
// transaction a batch, following the journal, building it again beside the old one.
//
// Durability: a view's file can be thrown away, so commits are not synced one by one; after a crash the file stands at a
// whole batch, and Tx.Position says at which. What was deleted is overwritten, and gone from the write-ahead log too once
// Truncate has reported so. Order: batches are applied in the order of the journal, by one caller at a time. Concurrency:
// Within, Truncate and Uncut are for one goroutine; Readers is safe for concurrent use, beside them and from other processes, and
// sees whole batches only. Run owns one goroutine, which has ended when it returns.
package viewfile
