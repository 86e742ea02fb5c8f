// Package casebook decides who may open content: cases, who takes part in them, and the grants under which, for a while,
// one person reads named content. Book is what the journal's records amount to, and where every rule stands: four eyes,
// nobody's own content, privileged groups. Desk lets people act by those rules, and opens content.
//
// Durability: what somebody decided is durable when the Desk's method returns, since the record in the journal is the
// state; each opening is durable on record before a byte is decrypted. Order: decisions are taken one at a time, each on
// the state that all before it made. Concurrency: a Desk is safe for concurrent use; a Book is read under State.Within and
// changed by its State alone. Time: a grant ends by the time its record was written, and by a clock that never runs back
// behind a record; a Book built anew from the same journal is the same.
package casebook
