// Package rules holds the detections that come with Tripod, as Sigma rules in YAML with the cases that show when each fires and when it
// does not, and puts them together with the rules of the configuration. docs/detections.md lists them, docs/sigma.md says what a rule can say.
//
// It has no durability: it reads rule files and writes nothing. Order: rules stand in the order of file names, those that come with Tripod
// before the configuration's. Concurrency: all functions are safe for concurrent use.
package rules
