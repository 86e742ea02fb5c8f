// Package file writes what is forwarded to a file, one item a line (NDJSON), for collectors that read files.
//
// Durability: Send returns once the lines are synced to disk, and a rename is synced with its folder. A line is whole or not there:
// a torn one, which a crash may leave, is cut off when the file is opened. Order: that of the items sent; one batch at a time.
// What is sent again after a crash is recognised by its bytes among the last lines, so that nothing is there twice; what is sent
// again on purpose, by a back-fill, is.
//
// Concurrency: a Sink is safe for concurrent use. One process writes a file.
package file
