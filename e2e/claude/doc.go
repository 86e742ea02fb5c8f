// Package claude tests Tripod with the real Claude Code CLI. The tests stand behind a build tag, because they install
// the CLI with npm, into a cache folder outside the repository, and it is proprietary:
//
//	go test -tags claude ./e2e/claude -v
//
// Each test plays a scenario over one of the three OTLP protocols:
//
//	claude -p ──► simulated Messages API
//	    └──OTLP──► tee ──► tripod serve ──► tripod search, tripod session
//
// The tee passes every export on as it came and notes what is inside once serve has acknowledged it. Whatever reached
// the tee must then be found once, in order, under its own name; strings planted in prompts, commands, files, tool
// outputs, headers and resource attributes must be found nowhere. All traffic stays on loopback: the CLI's proxy
// setting points at a listener that refuses, and notes who asked.
//
// It promises nothing about durability, order or concurrency: it holds tests only.
//
// Environment:
//
//	TRIPOD_CLAUDE      path of a claude binary to use instead of installing one
//	TRIPOD_E2E_CACHE   where to install (default: the user's cache folder, then tripod-e2e)
//	TRIPOD_E2E_BINARY  path of a tripod binary to test instead of building one
//	TRIPOD_E2E_SINK=1  leave Tripod out: the tee answers by itself, and only what the client sends is checked
//	TRIPOD_E2E_KEEP=1  keep the folders of the run and say where they are
package claude
