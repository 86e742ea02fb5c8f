// Package corpus makes texts that hold what package detector looks for, and texts that hold what only looks like it, with the
// place and kind of everything in them. It is for tests and measurements; the program does not link it.
//
// All of it is invented by a seed: equal seeds make equal corpora, no credential in it ever worked, and none is written down
// in the repository. It knows nothing of the detectors: the formats are those the vendors publish. Nothing is stored, and
// everything is safe for concurrent use that does not share a source of random numbers.
package corpus
