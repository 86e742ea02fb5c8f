// Package world holds Tripod against a truth that is known: the simulated enterprise acts, its clients deliver over the real
// receiver, and what stands in the journal afterwards must be what happened, no more and no less.
//
// It promises nothing about durability, order or concurrency: it holds tests only. -short plays fewer seeds.
package world
