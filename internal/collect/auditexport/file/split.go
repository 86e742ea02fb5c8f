package file

import "strings"

// state is how far a line was split.
type state uint8

const (
	whole  state = iota // it is a row
	open                // a quoted cell goes on in the next line
	broken              // it is not written as CSV is
)

// splitter splits a row into cells by RFC 4180. It is fed line by line.
type splitter struct {
	comma byte
	cells []string
	cell  strings.Builder // the quoted cell that is open
}

// split splits what should be one line.
func split(line string, comma byte) ([]string, state) {
	s := splitter{comma: comma}
	st := s.start(line)
	return s.cells, st
}

// start begins with the first line of a row.
func (s *splitter) start(line string) state { return s.fields(line, 0) }

// goOn continues with the next line, after open.
func (s *splitter) goOn(line string) state {
	s.cell.WriteByte('\n')
	return s.quoted(line, 0)
}

// fields splits from the beginning of a cell on.
func (s *splitter) fields(line string, at int) state {
	for {
		if len(s.cells) > mostCells {
			return broken
		}
		if at < len(line) && line[at] == '"' {
			return s.quoted(line, at+1)
		}
		end := strings.IndexByte(line[at:], s.comma)
		if end < 0 {
			s.cells = append(s.cells, line[at:])
			return whole
		}
		s.cells = append(s.cells, line[at:at+end])
		at += end + 1
	}
}

// quoted goes on inside a quoted cell.
func (s *splitter) quoted(line string, at int) state {
	for {
		end := strings.IndexByte(line[at:], '"')
		if end < 0 {
			s.cell.WriteString(line[at:])
			return open
		}
		s.cell.WriteString(line[at : at+end])
		at += end + 1
		switch {
		case at < len(line) && line[at] == '"':
			s.cell.WriteByte('"')
			at++
		case at == len(line):
			s.close()
			return whole
		case line[at] == s.comma:
			s.close()
			return s.fields(line, at+1)
		default:
			return broken
		}
	}
}

func (s *splitter) close() {
	s.cells = append(s.cells, s.cell.String())
	s.cell = strings.Builder{}
}

// mend splits a line that is not written as CSV is as it seems to be meant: a cell that begins with a brace goes on to
// the brace that ends it, quoted or not; a quote counts only in front of a comma or the line's end.
func mend(line string, comma byte) []string {
	var cells []string
	for at := 0; len(cells) <= mostCells; {
		cell, next := mendCell(line, at, comma)
		cells = append(cells, cell)
		if next > len(line) {
			return cells
		}
		at = next
	}
	return cells
}

// mendCell takes one cell and tells where the next begins, behind the line where none does.
func mendCell(line string, at int, comma byte) (cell string, next int) {
	rest := line[at:]
	quoted := strings.HasPrefix(rest, `"`)
	body := strings.TrimPrefix(rest, `"`)
	if strings.HasPrefix(body, "{") {
		if end := endOfBraces(body, quoted, comma); end > 0 {
			cell, next = body[:end], at+len(rest)-len(body)+end
			if strings.HasPrefix(line[next:], `"`) {
				next++
			}
			return unquote(cell, quoted), next + 1
		}
	}
	if quoted {
		for end := 0; ; end++ {
			i := strings.IndexByte(body[end:], '"')
			if i < 0 {
				break
			}
			if end += i; end+1 == len(body) || body[end+1] == comma {
				return unquote(body[:end], true), at + 1 + end + 2
			}
		}
	}
	if end := strings.IndexByte(rest, comma); end >= 0 {
		return rest[:end], at + end + 1
	}
	return rest, len(line) + 1
}

// endOfBraces finds the end of a cell that begins with a brace: where as many were closed as were opened, and a comma or
// the line's end follows. 0 where it does not end.
func endOfBraces(body string, quoted bool, comma byte) int {
	depth := 0
	for i := range len(body) {
		switch body[i] {
		case '{':
			depth++
		case '}':
			depth--
		default:
			continue
		}
		if depth > 0 {
			continue
		}
		after := body[i+1:]
		if quoted {
			after = strings.TrimPrefix(after, `"`)
		}
		if after == "" || after[0] == comma {
			return i + 1
		}
	}
	return 0
}

func unquote(cell string, quoted bool) string {
	if quoted {
		return strings.ReplaceAll(cell, `""`, `"`)
	}
	return cell
}
