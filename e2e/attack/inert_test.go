package attack

import (
	"archive/zip"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// exported is the table or list of an export of everything, without its sidecar.
func exported(t *testing.T, s *served, as string) string {
	t.Helper()
	body := s.get("/activity/export?q=&as=" + as).body
	z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "."+as) {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
	}
	t.Fatalf("an export as %s holds none", as)
	return ""
}

// acts reports whether a character moves a cursor, ends a line, turns the reading direction or cannot be seen.
func acts(r rune) bool { return !unicode.IsPrint(r) && r != ' ' || unicode.Is(unicode.Bidi_Control, r) }

// cellsAreInert reads exports as spreadsheets and programs do.
func cellsAreInert(t *testing.T, s *served) {
	table := csv.NewReader(strings.NewReader(exported(t, s, "csv")))
	marked, rows := 0, 0
	for {
		row, err := table.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err) // a cell that broke out of its quotes makes a row of another length
		}
		rows++
		for _, cell := range row {
			if strings.Contains(cell, consoletest.Mark) {
				marked++
			}
			if cell != "" && strings.ContainsRune("=+-@\t\r\n|%", rune(cell[0])) && strings.Contains(cell, consoletest.Mark) {
				t.Errorf("a formula in row %d: %.60q", rows, cell)
			}
			if i := strings.IndexFunc(cell, func(r rune) bool { return acts(r) && r != '\n' }); i >= 0 {
				t.Errorf("row %d: %.60q", rows, cell[i:])
			}
		}
	}
	if marked < 500 {
		t.Errorf("%d cells of %d rows hold some of it: the test shows little", marked, rows)
	}
	for n, line := range strings.Split(strings.TrimSuffix(exported(t, s, "ndjson"), "\n"), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("line %d is no JSON: %.100q", n+1, line)
		}
	}
}

// logIsInert wants each line of the log to be one of ours, in both forms, and nothing in it that acts on a terminal.
func logIsInert(t *testing.T, s *served) {
	for _, v := range consoletest.HostileValues()[:12] {
		s.get("/enter?code=" + url.QueryEscape(v))
		s.get("/activity?q=" + url.QueryEscape(v) + "&cursor=" + url.QueryEscape(v))
		for _, at := range []string{s.addrs.OTLPHTTP + "/v1/logs", s.addrs.Gateway + "/v1/messages", s.addrs.Gateway + "/" + url.PathEscape(v)} {
			res, err := http.Post(at, "application/json", strings.NewReader(v))
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
		}
	}
	lines := strings.Split(strings.TrimSuffix(s.log.String(), "\n"), "\n")
	for n, line := range lines {
		if !strings.HasPrefix(line, "time=20") && !json.Valid([]byte(line)) {
			t.Errorf("line %d is none of ours: %.200q", n+1, line)
		}
		if i := strings.IndexFunc(line, func(r rune) bool { return acts(r) || r == unicode.ReplacementChar }); i >= 0 {
			t.Errorf("line %d acts: %.200q", n+1, line[i:])
		}
	}
	if len(lines) < 10 {
		t.Errorf("%d lines: the test shows little", len(lines))
	}
}
