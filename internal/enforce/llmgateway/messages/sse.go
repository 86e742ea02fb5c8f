package messages

import "bytes"

// Event is one server-sent event, or what stands between two of them.
type Event struct {
	Name string // of the event field; "" without one
	Data []byte // its data lines, joined; nil for comments and blank lines, which dispatch nothing
	Raw  []byte // all its bytes as sent
	// TooLong: the event exceeds the splitter's bound. It comes in several parts, each with the Raw of its own and no Data.
	TooLong bool
}

// MaxEvent is how long an event may be that is read; longer ones pass unread. Whole results of the vendor's tools come in
// one event, so it is no small bound.
const MaxEvent = 32 << 20

// Splitter cuts a stream into events (https://html.spec.whatwg.org/multipage/server-sent-events.html), the same ones
// however the bytes arrive. Raw of all events and Rest, in order, are the stream. The zero value is ready.
//
// A comment that no field precedes is an event of its own, so that a keep-alive never waits. Where lines end in \r\n, an
// event is there at the \r, and its \n begins the Raw of the next.
type Splitter struct {
	Max int // bound of one event in bytes; 0: MaxEvent

	buf     []byte // of the current event
	line    int    // where its current line begins
	scanned int    // up to where that was searched for its end
	started bool   // the byte order mark, if any, is behind us
	cr      bool   // the last byte was \r: a \n belongs to it

	fields  bool // the event has a field
	long    bool // the event is too long
	midLine bool // the beginning of the current line was handed out already
	name    string
	data    []byte
	hasData bool
}

// Write takes the next bytes and hands out each event that is complete with them. What an event refers to is valid until
// each returns.
func (s *Splitter) Write(p []byte, each func(Event)) {
	s.buf = append(s.buf, p...)
	if !s.started && !s.start() {
		return
	}
	from := 0 // where the current event begins
	for {
		end := s.lineEnd()
		if end < 0 {
			break
		}
		if s.endLine(s.buf[s.line:end]) {
			e := Event{Name: s.name, Raw: s.buf[from : end+1], TooLong: s.long}
			if s.hasData && !s.long {
				e.Data = s.data
			}
			each(e)
			from = end + 1
			s.fields, s.long, s.hasData, s.name, s.data = false, false, false, "", s.data[:0]
		}
		s.line, s.scanned = end+1, end+1
	}
	if bound := s.bound(); len(s.buf)-from > bound && s.scanned > from {
		from = s.overflow(from, each)
	}
	n := copy(s.buf, s.buf[from:])
	s.buf = s.buf[:n]
	s.line, s.scanned = s.line-from, s.scanned-from
}

// Rest is what came behind the last event: of a stream that has ended, an event that was never completed.
func (s *Splitter) Rest() []byte { return s.buf }

func (s *Splitter) bound() int {
	if s.Max > 0 {
		return s.Max
	}
	return MaxEvent
}

// start passes over a byte order mark; false where more bytes must come before that can be told.
func (s *Splitter) start() bool {
	const mark = "\xef\xbb\xbf"
	if len(s.buf) < len(mark) && bytes.HasPrefix([]byte(mark), s.buf) {
		return false
	}
	s.started = true
	if bytes.HasPrefix(s.buf, []byte(mark)) {
		s.line, s.scanned = len(mark), len(mark)
	}
	return true
}

// lineEnd finds the byte that ends the current line, -1 where it has not come yet.
func (s *Splitter) lineEnd() int {
	if s.cr && s.scanned < len(s.buf) {
		s.cr = false
		if s.buf[s.scanned] == '\n' {
			s.scanned++
			s.line = s.scanned
		}
	}
	rest := s.buf[s.scanned:]
	end := bytes.IndexByte(rest, '\n')
	if end >= 0 {
		rest = rest[:end]
	}
	if cr := bytes.IndexByte(rest, '\r'); cr >= 0 {
		end, s.cr = cr, true
	}
	if end < 0 {
		s.scanned = len(s.buf)
		return -1
	}
	return s.scanned + end
}

// endLine takes a whole line and tells whether it completes an event.
func (s *Splitter) endLine(line []byte) bool {
	if s.midLine {
		s.midLine = false
		return false
	}
	if len(line) == 0 {
		return true
	}
	if s.long {
		return false
	}
	name, value, _ := bytes.Cut(line, []byte{':'})
	if len(name) == 0 {
		return !s.fields // a comment
	}
	s.fields = true
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "event":
		s.name = string(value)
	case "data":
		if s.hasData {
			s.data = append(s.data, '\n')
		}
		s.hasData = true
		s.data = append(s.data, value...)
	}
	return false
}

// overflow hands out the beginning of an event that is too long, up to what has been searched.
func (s *Splitter) overflow(from int, each func(Event)) int {
	s.long, s.fields, s.data = true, true, nil
	each(Event{Name: s.name, Raw: s.buf[from:s.scanned], TooLong: true})
	s.midLine = s.midLine || s.scanned > s.line
	s.line = s.scanned
	return s.scanned
}
