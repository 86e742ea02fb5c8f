// Package archtest holds the rules that keep the tree honest, as tests: who may import whom, where heavy dependencies
// live, how long a file may be, what a package comment says. It has no code of its own and nothing concurrent.
package archtest
