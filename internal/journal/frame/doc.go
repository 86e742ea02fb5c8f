// Package frame is the form in which the journal keeps the records of one row: in order, compressed in chunks that can be
// read one at a time, checked, with a tombstone where a record was erased or lost.
//
// It promises that a frame of any version stays readable; that whatever the bytes, reading neither panics nor takes more
// memory than the largest frame Tripod writes; and that a frame is a pure function of what was put in. It holds no state:
// a Codec is safe for concurrent use in reading, and for one goroutine in building, as a Builder is. Durability is for the
// journal, order is that in which records were added.
//
// Version 1:
//
//	byte     1                       version
//	uvarint  first seq               so that a frame is known to stand where it belongs
//	uvarint  records                 1 to 1,000
//	uvarint  chunks
//	for each chunk:
//	  uvarint  records
//	  uvarint  raw length            bytes before compression
//	  uvarint  stored length         bytes in this frame
//	  4 bytes  CRC-32C, big endian   of the stored bytes
//	4 bytes  CRC-32C, big endian     of everything before
//	chunks                           one after the other, each a zstd frame of its own
//	zeros                            to the end: a frame that was rewritten keeps its length
//
// A chunk holds, for each of its records, a uvarint length and the canonical bytes; or the length 0, a byte that says why
// (1 erased, 2 lost) and the 32 bytes of the commitment, for a tombstone. Chunks are cut at 48 to 64 KiB, so that one
// record costs the decoding of one chunk (40 µs); a larger record has a chunk to itself. A frame is cut after five chunks.
//
// The checksums find accidents and say where they are. That nobody rewrote a frame is for the ledger to prove.
package frame
