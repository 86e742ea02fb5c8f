package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// ErrByHand says that a configuration file is written in a way in which no section of it can be replaced.
var ErrByHand = errors.New("the file is not written in a way that lets the section capture be replaced; it takes an editor")

// WithCapture is a configuration file with another capture policy in it. Every line outside the section stays as it is,
// comments and order included; comments among the rules go with them. A section that is not there is added at the end. That
// the file says all else as before is seen to; where it would not, the error wraps ErrByHand.
func WithCapture(file []byte, policy capture.Config) (text []byte, err error) {
	defer caught(&err)
	before, err := Parse(file)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	section, err := CaptureYAML(policy)
	if err != nil {
		return nil, fmt.Errorf("write the section capture: %w", err)
	}
	lines := strings.SplitAfter(string(file), "\n")
	from, to, err := captureSpan(file, lines)
	if err != nil {
		return nil, err
	}
	out := spliced(lines, from, to, section)
	after, err := Parse(out)
	if err != nil || after.Capture.Digest() != policy.Digest() {
		return nil, ErrByHand
	}
	if after.Capture = before.Capture; !reflect.DeepEqual(before, after) {
		return nil, ErrByHand
	}
	return out, nil
}

// captureSpan is where the section stands: the lines from the first up to, and without, the second, from 0. Both are the end
// of the file where there is none.
func captureSpan(file []byte, lines []string) (from, to int, err error) {
	end := len(lines)
	for end > 0 && lines[end-1] == "" {
		end--
	}
	parsed, err := parser.ParseBytes(file, 0)
	if err != nil {
		return 0, 0, fmt.Errorf("read configuration: %w", err)
	}
	var keys []*ast.MappingValueNode
	for i, doc := range parsed.Docs {
		switch body := doc.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.NullNode:
			continue
		case *ast.MappingNode:
			if body.IsFlowStyle {
				return 0, 0, ErrByHand
			}
			keys = body.Values
		case *ast.MappingValueNode:
			keys = []*ast.MappingValueNode{body}
		default:
			return 0, 0, ErrByHand
		}
		if i > 0 {
			return 0, 0, ErrByHand // of several documents one alone is read
		}
	}
	from, to = end, end
	for i, key := range keys {
		if key.Key.GetToken().Value != "capture" {
			continue
		}
		from, to = key.Key.GetToken().Position.Line-1, end
		if i+1 < len(keys) {
			to = keys[i+1].Key.GetToken().Position.Line - 1
		}
		break
	}
	if from < 0 || from > to || to > len(lines) {
		return 0, 0, ErrByHand
	}
	for to > from+1 && others(lines[to-1]) {
		to--
	}
	return from, to, nil
}

// others reports whether a line behind a section belongs to what follows it.
func others(line string) bool {
	return strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "...") || strings.HasPrefix(line, "---")
}

// heading is the first line of the section where nothing but a comment follows it.
var heading = regexp.MustCompile(`^capture:[ \t]+(#.*?)\r?\n?$`)

// spliced puts a section in the place of some lines.
func spliced(lines []string, from, to int, section string) []byte {
	var b bytes.Buffer
	for _, line := range lines[:from] {
		b.WriteString(line)
	}
	if n := b.Len(); n > 0 && b.Bytes()[n-1] != '\n' {
		b.WriteByte('\n')
	}
	if from < to {
		if m := heading.FindStringSubmatch(lines[from]); m != nil {
			section = strings.Replace(section, "capture:\n", "capture: "+m[1]+"\n", 1)
		}
	}
	if strings.HasSuffix(lines[0], "\r\n") {
		section = strings.ReplaceAll(section, "\n", "\r\n")
	}
	b.WriteString(section)
	for _, line := range lines[to:] {
		b.WriteString(line)
	}
	return b.Bytes()
}
