// Package disk tells what a power loss leaves of a directory. It reads what strace recorded of a program's system calls
// (trace.go) and replays it into a model of a disk that keeps nothing it was not asked to sync (disk.go).
//
// The model is stricter than any file system: what was synced, by fsync or fdatasync of the file since the change
// ended, is durable; of the rest, every block of 4 KiB of every write, every change of a file's length and every change
// of a name may or may not be there, independently of one another. A name is durable only once its directory was synced;
// a sync of the file itself is not enough, and a rename that was not synced may leave both names, or either, or, where
// there was nothing before, none. SQLite promises to survive as much (https://www.sqlite.org/atomiccommit.html,
// https://www.sqlite.org/wal.html), except that a block is written whole or not at all, which is its assumption of
// powersafe overwrite (https://www.sqlite.org/psow.html).
//
// What a program writes through a memory mapping is not seen. SQLite maps the -shm file beside a write-ahead log, which no
// recovery reads; it is left out.
//
// A Disk belongs to one goroutine. What the model does not know it reports as an error, so that no call is overlooked.
package disk
