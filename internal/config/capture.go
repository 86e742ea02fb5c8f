package config

import (
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// CaptureLines tells at which line of a file each rule of the capture policy begins, from 1; nil where it has none.
func CaptureLines(path string) ([]int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return captureLines(b)
}

func captureLines(b []byte) (lines []int, err error) {
	defer caught(&err)
	file, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	for i := range mostRules {
		path, err := yaml.PathString(fmt.Sprintf("$.capture.rules[%d]", i))
		if err != nil {
			return nil, err
		}
		node, err := path.FilterFile(file)
		if err != nil || node == nil {
			break
		}
		line := node.GetToken().Position.Line
		if i > 0 {
			line = max(line, lines[i-1])
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// mostRules bounds how many rules a capture policy is looked through for.
const mostRules = 1000

// CaptureYAML is the capture policy as a configuration file has it.
func CaptureYAML(c capture.Config) (string, error) {
	b, err := yaml.MarshalWithOptions(struct {
		Capture capture.Config `yaml:"capture"`
	}{c}, yaml.IndentSequence(true), yaml.Flow(false))
	return string(b), err
}
