// Package cli installs and runs the real Claude Code CLI for tests, keeps it on loopback, and gives it an MCP server. All but
// this page stands behind the build tag claude.
//
// It promises nothing about durability; a Client, and each Run, is for one test's goroutine.
package cli
