// Package organisation is the view of what is administered: settings and who changed them, accounts and how they came to be
// known by, keys and who calls the Compliance API with them, and which account a chat, project or session belongs to.
//
// It follows the journal and takes time from records, never from the clock, so its file (DIR/organisation.db) can be thrown
// away: a rebuild from an untouched journal gives the same answers, however the journal was cut into batches. What a batch
// changed and the position it stands for commit together; a batch delivered again changes nothing. A lost file costs a
// rebuild and no evidence. When a record is erased, what rested on it alone goes from the view and its write-ahead log; of
// what rested on more records, a rebuild may then know less than the view did.
//
// Concurrency: batches are applied in the order of the journal by one caller at a time; everything that reads may be called
// at any time, also by other processes, and sees whole batches only.
//
// An account is a set of identifiers, never a person. It is known by the vendor's user id where a record has that, else by
// an address; what the control plane says of it is proved, what a client says is asserted and stays marked so. Nobody is
// counted or ranked: the view keeps when an account was first and last seen on a plane, not how often.
package organisation
