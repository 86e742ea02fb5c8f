// Package compliance holds the reading of the Compliance API against its stand-in: what the feed of a simulated enterprise
// shows must be in the journal of a whole serve, once.
//
// It promises nothing about durability, order or concurrency: it holds tests only.
package compliance
