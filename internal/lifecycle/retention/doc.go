// Package retention ends what is kept: each class of record or content has a period, a basis and an owner, and what outlived
// its period is purged.
//
// Judge is the one precedence: hold, statutory period, erasure, retention, preference. A purge erases through the
// erasure.Eraser, so each tombstone is vouched for by an order on record that names the class, and a record of
// TypePurge tells what went, what is held, and up to when nothing older of the class is left.
//
// Durability: how far a purge came is a cursor of the journal that commits with TypePurge; a purge that is cut short goes on
// where it was, and nothing is destroyed but by an order that is durable. Order: oldest first. Concurrency: Purge and Run are
// one at a time; Plan and Refuse may be called by anybody at once. Content that a record which stays refers to is kept until the
// last such record goes.
package retention
