// Package forwardtest is the conformance suite of sinks: a real journal is forwarded to a sink that somebody made, while what
// is sent is delayed, refused and cut off, and either side is stopped and begun anew; then the receiver must hold exactly what
// the journal does.
//
// It promises nothing about durability; it is for tests. Order is looked at only where a sink promises any. Concurrency: a
// Bench belongs to one goroutine; Run uses goroutines of its own, which have ended when it returns.
package forwardtest
