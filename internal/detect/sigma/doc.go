// Package sigma reads Sigma rules, correlations and filters (specification 2.1, https://github.com/SigmaHQ/sigma-specification)
// and tells which rules a record matches. docs/sigma.md says which fields a rule can name and what is supported.
//
// Parse and Compile refuse, with file, line and column, whatever they do not know: a key, a modifier, a field, a log source, a
// condition of the old pipe syntax. A rule that was accepted means what it says; it is never silently false.
//
// It has no durability: nothing is read, written or kept but what the caller hands over, and time comes from records only.
// Order: hits are told in the order the rules were compiled in. Concurrency: a Set is immutable and safe for concurrent use; a
// Matcher is for one goroutine.
package sigma
