// Package gateway tests the LLM gateway of a whole `tripod serve` from outside: a client, a tap, Tripod, another tap, and the
// simulated Messages API.
//
//	client ──► tap ──► tripod serve ──► tap ──► simulated Messages API
//
// Whatever the client sends has to reach the upstream as it was sent, byte by byte and header by header, and whatever the
// upstream answers has to reach the client likewise, unless a rule says otherwise; and each exchange has to be on record.
// A client in Go plays all scenarios anywhere. The real Claude Code and the official SDK stand behind a build tag, because
// they are installed with npm, into a cache folder outside the repository; Claude Code is proprietary:
//
//	go test -tags claude ./e2e/gateway -v
//
// It promises nothing about durability, order or concurrency: it holds tests only. What a kill leaves is tested in e2e/crash.
//
// Environment:
//
//	TRIPOD_CLAUDE     path of a claude binary to use instead of installing one
//	TRIPOD_E2E_CACHE  where to install (default: the user's cache folder, then tripod-e2e)
package gateway
