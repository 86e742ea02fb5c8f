// Package signin says who asks: people who sign in at the identity provider (OpenID Connect), people of this machine who
// were given a link, and programs that hold an API token.
//
// Durability: signing in and every end of a sign-in are records that are durable before they count; what tokens there are
// is told by records alone. DIR/state.db holds sign-ins, so that a restart ends none: sealed, without a secret that would
// open anything, read once at the start. Writing to it while the process runs changes nothing, and a row that was altered,
// moved or put back after its sign-in was ended is dropped. Order: of two ends and sign-ins of one person the later one in
// the journal counts. Concurrency: everything is safe for concurrent use, but Run belongs to one goroutine. Time: a sign-in
// is over when the clock or the time that has passed says so, whichever is earlier.
package signin
