package file_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/collect/auditexport/file"
)

// sketch reads an export and shows each row on one line, as "LINE: created_at|actor|event|event_info|ip +other=value !repaired".
func sketch(t *testing.T, text string) []string {
	t.Helper()
	r, err := file.NewReader(strings.NewReader(text))
	if err != nil {
		return []string{err.Error()}
	}
	var list []string
	for {
		row, err := r.Next()
		var bad *file.LineError
		switch {
		case errors.Is(err, io.EOF):
			return list
		case errors.As(err, &bad):
			list = append(list, bad.Error())
			continue
		case err != nil:
			t.Fatal(err)
		}
		s := fmt.Sprintf("%d: %s|%s|%s|%s|%s", row.Line, row.CreatedAt, row.Actor, row.Event, row.EventInfo, row.IP)
		for _, o := range row.Others {
			s += " +" + o.Name + "=" + o.Value
		}
		if row.Repaired {
			s += " !repaired"
		}
		if row.InvalidText {
			s += " !text"
		}
		list = append(list, s)
	}
}

const head = "created_at,actor_info,event,event_info,ip_address\n"

func TestReader(t *testing.T) {
	t.Parallel()
	f := func(name, text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, sketch(t, text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	const at = "2026-10-01T08:00:00Z"
	f("plain", head+at+",\"{'a': 1, 'b': 2}\",x,{},192.0.2.1\n", "2: "+at+"|{'a': 1, 'b': 2}|x|{}|192.0.2.1")
	f("no line end", head+at+",,x,,", "2: "+at+"||x||")
	f("mark, CRLF, empty lines", "\ufeff"+strings.ReplaceAll(head+"\n"+at+",,x,,\n\n \n", "\n", "\r\n"), "3: "+at+"||x||")
	f("quoted header with other spellings", "\"Created At\",actorInfo,EVENT, Event-Info ,\"ip address\"\n"+at+",a,x,i,p\n", "2: "+at+"|a|x|i|p")
	f("order, unknown and repeated columns", "event,new_one,created_at,actor_info,event,a b\nx,n,"+at+",,y,z\n", "2: "+at+"||x|| +new_one=n +event#2=y +column_6=z")
	f("semicolons of a spreadsheet", "created_at;actor_info;event;event_info;ip_address\n"+at+";\"{'a': 1; 2}\";x;;\n", "2: "+at+"|{'a': 1; 2}|x||")
	f("tabs", "created_at\tactor_info\tevent\n"+at+"\t{'a': 1, 'b': 2}\tx\n", "2: "+at+"|{'a': 1, 'b': 2}|x||")
	f("doubled quotes", head+at+`,"{""name"": ""O'Sullivan""}",x,"{'a': ""b""}",`+"\n", "2: "+at+`|{"name": "O'Sullivan"}|x|{'a': "b"}|`)
	f("line break in a cell", head+at+",\"{'a':\n 'b'}\",x,,\n"+at+",,y,,\n", "2: "+at+"|{'a':\n 'b'}|x||", "4: "+at+"||y||")

	// Quoting as it breaks.
	f("dict without quotes", head+at+",{'a': 1, 'b': {'c': 2}},x,{},192.0.2.1\n", "2: "+at+"|{'a': 1, 'b': {'c': 2}}|x|{}|192.0.2.1 !repaired")
	f("quotes inside not doubled", head+at+`,"{'name': "O'Sullivan", 'uuid': 'u'}",x,{},192.0.2.1`+"\n", "2: "+at+`|{'name': "O'Sullivan", 'uuid': 'u'}|x|{}|192.0.2.1 !repaired`)
	f("quote never closed takes no other row with it", head+at+",\"{'a': 1},x,,\n"+at+",\"{'b': 2}\",y,,\n",
		"2: "+at+"|{'a': 1}|x|| !repaired", "3: "+at+"|{'b': 2}|y||")
	f("quote never closed in the last line", head+at+",,x,,\"192.0.2.1\n", "2: "+at+"||x||\"192.0.2.1 !repaired")
	f("quote never closed, and nothing else to go by", head+"\"a,b\n"+at+",,y,,\n", "line 2: its cells do not fit the columns", "3: "+at+"||y||")
	f("a quote in the middle", head+at+",a \"b\" c,x,,\n", "2: "+at+`|a "b" c|x||`)
	f("cells missing at the end", head+at+",a,x\n", "2: "+at+"|a|x|| !repaired")
	f("cells too many", head+at+",a,x,,,more\n", "2: "+at+"|a|x|| +column_6=more !repaired")
	f("neither time nor event", head+",a,,,\nsome words\n1,2,,4,5\n", "line 2: its cells do not fit the columns", "line 3: its cells do not fit the columns", "line 4: its cells do not fit the columns")
	f("a time that cannot be read", head+"yesterday,a,x,,\n", "2: yesterday|a|x||")
	f("bytes that are no text", head+at+",\xff,x,,\n", "2: "+at+"|\ufffd|x|| !text")
	f("a line beyond bounds", head+at+","+strings.Repeat("a", file.MaxRow)+",x,,\n"+at+",,y,,\n", "line 2: longer than 1048576 bytes", "3: "+at+"||y||")

	// A cell may hold what looks like a row: it stays one cell, or somebody could write another's history.
	f("a row within a cell", head+at+",\"{'n': 'a\n"+at+",forged,sign_in,,\nb'}\",x,,\n", "2: "+at+"|{'n': 'a\n"+at+",forged,sign_in,,\nb'}|x||")

	// What is something else.
	f("empty", "", "not an audit log export: it is empty")
	f("other columns", "a,b,event\n", "not an audit log export: the first line has no column created_at, actor_info")
	f("archive", "PK\x03\x04...", "not an audit log export: it is an archive; unpack it and import the .csv inside")
	f("UTF-16", "\xff\xfec\x00", "not an audit log export: it is UTF-16, as spreadsheets save it; import the file as it was downloaded")
	f("a line without end", strings.Repeat("x", 3<<20), "not an audit log export: its first line is longer than 1048576 bytes")
}

// TestBrokenReader: what a reader gives before it fails is no row, and the failure is told.
func TestBrokenReader(t *testing.T) {
	t.Parallel()
	r, err := file.NewReader(io.MultiReader(strings.NewReader(head+"2026-10-01T08:00:00Z,,x,,\n2026-10-01T08:00:00Z,,half"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if err != nil {
		t.Fatal(err)
	}
	if row, err := r.Next(); err != nil || row.Event != "x" {
		t.Fatalf("%+v, %v", row, err)
	}
	if row, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%+v, %v", row, err)
	}
	if _, err := file.NewReader(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the header: %v", err)
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2025-09-28T02:45:39.374856Z":      "2025-09-28T02:45:39.374856Z",
		"2026-01-10T10:00:00Z":             "2026-01-10T10:00:00Z",
		"2026-01-10T10:00:00.123456789Z":   "2026-01-10T10:00:00.123456789Z",
		"2026-01-10T10:00:00+00:00":        "2026-01-10T10:00:00Z",
		"2026-01-10T10:00:00.5+02:00":      "2026-01-10T08:00:00.5Z",
		"2026-01-10 10:00:00.374856+00:00": "2026-01-10T10:00:00.374856Z",
		"2026-01-10 10:00:00":              "2026-01-10T10:00:00Z",
		"2026-01-10T10:00:00.25":           "2026-01-10T10:00:00.25Z",
		"":                                 "", "10/01/2026 10:00": "", "1767225600": "", "0000-01-01T00:00:00Z": "", "9999-12-31T23:59:59-01:00": "",
	} {
		at, ok := file.ParseTime(text)
		if got := at.Format(time.RFC3339Nano); ok != (want != "") || ok && got != want {
			t.Errorf("ParseTime(%q) = %s, %v; want %q", text, got, ok, want)
		}
	}
}

// FuzzReader: whatever a file holds, reading ends, no line is read twice, and what was added before a row does not change it.
func FuzzReader(f *testing.F) {
	f.Add([]byte(head + "2026-10-01T08:00:00Z,\"{'a': 1\n}\",x,{'b': 2, 'c': 3},\n\"\n,,,,\n"))
	f.Add([]byte("\ufeffevent;created_at;actor_info\r\nx;y;\"z\r\n"))
	f.Add([]byte(head + `2026-10-01T08:00:00Z,"{'name': "O'Sullivan"}",x,"{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := file.NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		last, lines := 1, bytes.Count(b, []byte("\n"))+1
		for {
			row, err := r.Next()
			var bad *file.LineError
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.As(err, &bad):
				row.Line = bad.Line
			case err != nil:
				t.Fatal(err)
			}
			if row.Line <= last || row.Line > lines {
				t.Fatalf("line %d behind line %d of %d", row.Line, last, lines)
			}
			last = row.Line + strings.Count(row.Raw, "\n")
			if bad == nil && !row.InvalidText && !bytes.Contains(bytes.ReplaceAll(b, []byte("\r"), nil), []byte(strings.ReplaceAll(row.Raw, "\r", ""))) {
				t.Fatalf("row %q is not in the file", row.Raw)
			}
		}
	})
}
