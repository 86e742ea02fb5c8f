package correlate

import (
	"context"

	"github.com/tripod-audit/tripod/internal/audit"
)

// kind finds one kind of discrepancy, or two that are sides of one comparison. A batch is observed record by record, then
// flushed; both happen inside the transaction that moves the cursor. What a kind keeps in memory is a cache of its
// tables: after a failed transaction it is dropped and read again.
//
// For a rebuild to equal the live view, what a kind has written after a flush must depend on the records alone, not on
// how they were cut into batches.
type kind interface {
	// observe takes the next record. It may read the database, and write tables of its own; discrepancies it writes at flush.
	observe(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) error
	// flush writes what the batch changed. tx.clock is the time of the journal now.
	flush(ctx context.Context, tx *transaction) error
	// erase forgets whatever rests on the account details of a record that is being erased.
	erase(ctx context.Context, tx *transaction, seq uint64) error
	// drop empties the caches.
	drop()
}
