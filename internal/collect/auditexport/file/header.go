package file

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrNotExport wraps every reason why a file is no audit log export at all.
var ErrNotExport = errors.New("not an audit log export")

// column is what a column holds.
type column uint8

const (
	other column = iota
	createdAt
	actorInfo
	event
	eventInfo
	entityInfo
	ipAddress
	deviceID
	userAgent
	clientPlatform
	columns // how many there are
)

// required are those without which a row says nothing.
var required = []column{createdAt, actorInfo, event}

// columnOf finds a column by its name, however it is spelled: "created_at", "Created At", "createdAt".
func columnOf(name string) column {
	switch plainLetters(name) {
	case "createdat":
		return createdAt
	case "actorinfo":
		return actorInfo
	case "event":
		return event
	case "eventinfo":
		return eventInfo
	case "entityinfo":
		return entityInfo
	case "ipaddress":
		return ipAddress
	case "deviceid":
		return deviceID
	case "useragent":
		return userAgent
	case "clientplatform":
		return clientPlatform
	}
	return other
}

func plainLetters(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// header is the first line of an export.
type header struct {
	names []string // as in the file
	holds []column // beside names; each but other at most once
	at    [columns]int
	comma byte
}

// readHeader finds the columns by their names, and what stands between the cells: a comma, or what a spreadsheet that
// saved the file again put there.
func readHeader(line string) (*header, error) {
	if err := recognise(line); err != nil {
		return nil, err
	}
	var missing []string
	for _, comma := range []byte{',', ';', '\t'} {
		cells, state := split(line, comma)
		if state != whole {
			continue
		}
		h, without := newHeader(cells, comma)
		if len(without) == 0 {
			return h, nil
		}
		if missing == nil || len(without) < len(missing) {
			missing = without
		}
	}
	return nil, fmt.Errorf("%w: the first line has no column %s", ErrNotExport, strings.Join(missing, ", "))
}

// recognise names what else people hand in.
func recognise(line string) error {
	switch {
	case strings.HasPrefix(line, "PK\x03\x04"), strings.HasPrefix(line, "\x1f\x8b"):
		return fmt.Errorf("%w: it is an archive; unpack it and import the .csv inside", ErrNotExport)
	case strings.HasPrefix(line, "\xff\xfe"), strings.HasPrefix(line, "\xfe\xff"):
		return fmt.Errorf("%w: it is UTF-16, as spreadsheets save it; import the file as it was downloaded", ErrNotExport)
	case line == "":
		return fmt.Errorf("%w: it is empty", ErrNotExport)
	}
	return nil
}

func newHeader(cells []string, comma byte) (h *header, missing []string) {
	h = &header{comma: comma, holds: make([]column, len(cells))}
	for i := range h.at {
		h.at[i] = -1
	}
	times := make(map[string]int, len(cells))
	for i, name := range cells {
		name = strings.TrimSpace(name)
		if c := columnOf(name); c != other && h.at[c] < 0 {
			h.holds[i], h.at[c] = c, i
		}
		if !IsName(name) { // what somebody wrote must not become a name
			name = "column_" + strconv.Itoa(i+1)
		}
		if times[name]++; times[name] > 1 {
			name += "#" + strconv.Itoa(times[name])
		}
		h.names = append(h.names, name)
	}
	for _, c := range required {
		if h.at[c] < 0 {
			missing = append(missing, [...]string{createdAt: "created_at", actorInfo: "actor_info", event: "event"}[c])
		}
	}
	return h, missing
}

// cell is the cell of a column, "" where there is none.
func (h *header) cell(cells []string, c column) string {
	if at := h.at[c]; at >= 0 && at < len(cells) {
		return strings.TrimSpace(cells[at])
	}
	return ""
}
