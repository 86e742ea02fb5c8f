// Package attack tries what somebody would who must not: to run a script by what a client records, to act in another's name, to
// be led elsewhere, to read content without a grant. Each attempt is a test against a whole serve on loopback, fed through
// every way in.
//
// It holds tests only: nothing in it is durable, ordered or concurrent.
package attack
