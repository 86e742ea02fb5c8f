// Package content is the content store: what people and models wrote or named, encrypted, erasable, named by
// commitments.
//
// # Words
//
// Content comes in blocks. A block belongs to a container and is encrypted under the container's key, which is random,
// wrapped by the master key, and kept in a file of its own. Of a block with plaintext p in a container with key k:
//
//	opening = HMAC-SHA-256(k, p)        address = SHA-256(opening ‖ p)
//
// The address is what a record holds. It commits to the plaintext and says nothing about it: equal blocks of one
// container share an address, those of different containers cannot be linked, and one block can be disclosed with its
// opening and proved to anybody without a key.
//
// # Promises
//
//   - Durability: when Put returns nil, every block and the wrapped key it needs are synced to disk, keys first.
//   - Order: addresses come back in the order of the blocks. Blocks of one Put are stored together or not at all.
//   - Concurrency: any number of callers may Put at once; they share commits. One goroutine, that of Run, writes. One
//     process writes to a directory; any number read.
//   - Erasure: EraseContainer and EraseBlocks return nil only when what was erased cannot be recovered from the files,
//     not even with the master key. They may be cut short at any moment and called again.
//   - Openings: nothing opens without a Grant, and a Grant records each opening before it happens.
//   - Bounds: a block has at most Options.MaxBlock bytes; caches are bounded; a full disk refuses writes with ErrFull,
//     goes on reading, and recovers by itself.
//
// # How erasure works
//
// Deleting rows is not enough. SQLite's secure_delete overwrites what is deleted, but a b-tree that splits or merges now
// and then leaves a copy of a moved row in the unused part of a page (measured: one deletion in some thousand), and the
// write-ahead log and every backup hold older versions of pages. So what is destroyed is always a key. Rows of wrapped keys
// are only ever appended, never moved, and destroyed
// by overwriting them in place, after which the log is emptied into the file. To erase one block of a container, the other
// blocks are first re-encrypted under a new key, each together with its opening, so that the old key can go. What lies
// below the files (copy-on-write filesystems, snapshots, flash translation) is beyond what a program can promise.
package content
