package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Reader reads the rows of one export.
type Reader struct {
	in      *bufio.Reader
	header  *header
	line    int    // of the line read last
	pending []line // read ahead, and not yet a row
}

type line struct {
	number int
	text   string
	long   bool // more than MaxRow; text is its beginning
}

// NewReader reads the first line. Errors wrap ErrNotExport where the file is something else.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(in, 64<<10)}
	first, err := r.take()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	text := strings.TrimPrefix(first.text, "\ufeff")
	if first.long && recognise(text) == nil {
		return nil, fmt.Errorf("%w: its first line is longer than %d bytes", ErrNotExport, MaxRow)
	}
	if r.header, err = readHeader(text); err != nil {
		return nil, err
	}
	return r, nil
}

// Next reads the next row. It returns a *LineError for what cannot be read, and goes on behind it at the next call; io.EOF
// at the end; any other error is the file's own, and what was under way is not a row.
func (r *Reader) Next() (Row, error) {
	for {
		l, err := r.take()
		if err != nil {
			return Row{}, err
		}
		if l.long {
			return Row{}, &LineError{l.number, fmt.Sprintf("longer than %d bytes", MaxRow)}
		}
		if strings.TrimSpace(l.text) == "" {
			continue
		}
		return r.row(l)
	}
}

// row makes a row of a line, and of those behind it where a quoted cell goes on there. A quote that is never closed does
// not take other rows with it.
func (r *Reader) row(l line) (Row, error) {
	s := splitter{comma: r.header.comma}
	st := s.start(l.text)
	raw := l.text
	for ahead := 0; st == open && ahead < mostLines; ahead++ {
		next, err := r.peek(ahead)
		if err != nil && !errors.Is(err, io.EOF) {
			return Row{}, err
		}
		if err != nil || next.long || len(raw)+len(next.text) >= MaxRow {
			break
		}
		raw += "\n" + next.text
		if st = s.goOn(next.text); st == whole && r.fits(s.cells, false) {
			r.pending = r.pending[ahead+1:]
			return r.made(l.number, raw, s.cells, false), nil
		}
	}
	if st == whole && raw == l.text && r.fits(s.cells, false) {
		return r.made(l.number, raw, s.cells, false), nil
	}
	if cells := mend(l.text, r.header.comma); r.fits(cells, true) {
		return r.made(l.number, l.text, cells, true), nil
	}
	if st == whole && raw == l.text && r.tells(s.cells) {
		return r.made(l.number, raw, s.cells, true), nil
	}
	return Row{}, &LineError{l.number, "its cells do not fit the columns"}
}

// fits reports whether the cells are those of a row: as many as there are columns, and among them what a row must say.
func (r *Reader) fits(cells []string, strictly bool) bool {
	if len(cells) != len(r.header.names) {
		return false
	}
	if strictly {
		return r.tells(cells)
	}
	_, timed := ParseTime(r.header.cell(cells, createdAt))
	return timed || r.header.cell(cells, event) != ""
}

// tells reports whether time and event are where they should be, be there too many or too few cells.
func (r *Reader) tells(cells []string) bool {
	_, timed := ParseTime(r.header.cell(cells, createdAt))
	return timed && IsName(r.header.cell(cells, event))
}

func (r *Reader) made(number int, raw string, cells []string, repaired bool) Row {
	h := r.header
	row := Row{
		Line: number, Raw: raw, Repaired: repaired,
		CreatedAt: h.cell(cells, createdAt), Actor: h.cell(cells, actorInfo), Event: h.cell(cells, event),
		EventInfo: h.cell(cells, eventInfo), EntityInfo: h.cell(cells, entityInfo), IP: h.cell(cells, ipAddress),
		Device: h.cell(cells, deviceID), UserAgent: h.cell(cells, userAgent), Platform: h.cell(cells, clientPlatform),
	}
	for i, cell := range cells {
		cell = strings.TrimSpace(cell)
		switch {
		case cell == "":
		case i >= len(h.names):
			row.Others = append(row.Others, Cell{fmt.Sprintf("column_%d", i+1), cell})
		case h.holds[i] == other:
			row.Others = append(row.Others, Cell{h.names[i], cell})
		}
	}
	if !utf8.ValidString(raw) {
		row.sanitise()
	}
	return row
}

// sanitise replaces bytes that are no UTF-8, except in Raw.
func (r *Row) sanitise() {
	r.InvalidText = true
	for _, s := range []*string{&r.CreatedAt, &r.Actor, &r.Event, &r.EventInfo, &r.EntityInfo, &r.IP, &r.Device, &r.UserAgent, &r.Platform} {
		*s = strings.ToValidUTF8(*s, "\ufffd")
	}
	for i := range r.Others {
		r.Others[i] = Cell{r.Others[i].Name, strings.ToValidUTF8(r.Others[i].Value, "\ufffd")}
	}
}

// take takes the next line, of those read ahead first.
func (r *Reader) take() (line, error) {
	if len(r.pending) == 0 {
		return r.read()
	}
	l := r.pending[0]
	r.pending = r.pending[1:]
	return l, nil
}

// peek looks at a line ahead without taking it.
func (r *Reader) peek(ahead int) (line, error) {
	for len(r.pending) <= ahead {
		l, err := r.read()
		if err != nil {
			return l, err
		}
		r.pending = append(r.pending, l)
	}
	return r.pending[ahead], nil
}

// read reads one line without its end. What a reader gives before it fails otherwise than with io.EOF is no line.
func (r *Reader) read() (line, error) {
	var whole []byte
	l := line{number: r.line + 1}
	for {
		part, err := r.in.ReadSlice('\n')
		if room := MaxRow + 2 - len(whole); len(part) > room {
			part, l.long = part[:room], true
		}
		whole = append(whole, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(whole) == 0:
			return line{}, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return line{}, err
		}
		r.line++
		l.text = string(bytes.TrimSuffix(bytes.TrimSuffix(whole, []byte("\n")), []byte("\r")))
		l.long = l.long || len(l.text) > MaxRow
		return l, nil
	}
}
