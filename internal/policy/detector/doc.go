// Package detector finds in text what a policy may care about: credentials, personal and health data, terms of a customer's
// own dictionaries, invisible and confusable characters, marks of prompt injection, destinations.
//
// How: one pass of an automaton over the text looks for the keywords of all kinds at once; digits, '@' and bytes beyond ASCII
// are noticed in the same pass. Where something is noticed, and only there, a bounded window is cut out and judged: by an
// expression, a checksum, a grammar. So the time is linear in the length of the text, whatever the text.
//
// Promises. Durability: none, nothing is stored. Order: Scan returns findings by their beginning; a Stream returns them as soon
// as their window is whole, in order within one call. A Stream finds what Scan finds, however the text is cut, because Scan is a
// Stream: each window is judged once, when all of it has come, by its bytes and at most 512 bytes before it. What is
// longer than 8 KiB is found by its beginning. Concurrency: a Set never changes after New and is safe for concurrent use; a
// Stream belongs to one goroutine and holds less than 32 KiB beyond what it was last given. Findings carry ranges and names,
// never the text, and no error names a secret of the configuration.
package detector
