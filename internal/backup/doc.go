// Package backup copies a data directory's truth (journal, content, ledger, keys) into a repository, beside a process that
// writes it, checks what lies there, and makes a directory of it again.
//
// # Repository
//
// A directory, on a volume that is mounted. Every file but the manifests is zstd sealed with age (https://age-encryption.org/v1):
//
//	backups/ID.json, ID.sig   a manifest in the clear: time, position, signed checkpoint, and the parts by digest; the ledger's
//	                          key signed it. It says how much there is, and nothing of what
//	objects/ab/abcd…          parts, named by the SHA-256 of the sealed bytes; several backups share them
//	keys/ID.age               wrapped keys and the ledger's signing key; kept for days, not for as long as the backup
//	keys/ID.master.age        the master key, where that was asked for, sealed to recipients of its own
//	erasures/ORDER-….age      what was ordered to be erased, a file an order, signed inside the seal
//
// # Incremental
//
// A part is a stretch of the journal, of numbered blocks, or of their places, of a few MiB, ended where an earlier backup ended
// it. Every backup reads all of journal and content anew and writes only the parts whose digest is another than the last
// manifest says: what is new, and what an erasure rewrote. So nothing has to be remembered about what changed, and what is
// damaged on disk is noticed before the last good copy expires. Reading is by short transactions: nobody who writes waits.
//
// # Order
//
// No erasure runs while a backup does. Position and cursors are read first, as of one moment; then a checkpoint is waited for that covers
// them, and the position becomes the end of the journal's row that holds the checkpoint's last record. So cursors are never
// ahead of the records that are copied: a source delivers some again, which is harmless. Then places of blocks, then blocks,
// then keys: blocks a record refers to were durable before it, and their keys before them; what came later is left out
// by its number. A place without its block, or a block without its place, is what a sweep took meanwhile, and nothing refers to it.
//
// # Promises
//
// Durability: a manifest is renamed into place after everything it names is synced; what is interrupted leaves objects that
// the next backup removes, and no backup. Order: manifests of one repository are of one ledger, in the order of their ids.
// Restoring: the directory is made beside its name and renamed at the end; its ledger is derived from the restored records and
// has to give the signed checkpoint's root. What was ordered to be erased since is erased again before the rename, or nothing
// is restored. Concurrency: a Repository is safe for concurrent use within a process, whose callers make one backup at a time;
// one process at a time writes to a repository.
package backup
