// Package crash holds what Tripod promises against what can happen to it: kill -9, power loss, full disks, restores of
// older copies, tampering, and content where it must not be. Everything is real: the tests build the program (without the
// race detector, which a child does not gain from), start `tripod serve`, speak OTLP to it, ask through its LLM gateway, and
// look at its data directory with its own commands and readers.
//
// It promises nothing about durability, order or concurrency: it holds tests only. They start processes and take their
// time, so -short skips all but those of the trace reader and the model of a disk.
//
// Environment:
//
//	TRIPOD_SOAK=1        the long versions: 1,000 kills, 500 power losses
//	TRIPOD_SEED=N        choose the moments as an earlier run did; each test logs its seed
//	TRIPOD_E2E_BINARY    path of a tripod binary to test instead of building one
//	TRIPOD_E2E_KEEP=1    keep the folders of the run and say where they are
//
// The tests of a full disk mount a small tmpfs, those of power loss run serve under strace, which they install with
// apt-get where it is missing. Both take root; without it they skip and say so.
package crash
