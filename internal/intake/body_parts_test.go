package intake_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// file is a draft whose content is read while it is stored.
func file(form string, opened *int, from io.Reader, err error) intake.Draft {
	return intake.Draft{
		Record: &audit.Record{
			ID: "file_1", Source: audit.SourceComplianceChat, Type: "file", Occurred: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Container: "file/compliance/file_1",
		},
		Form: []byte(form), VendorID: true, Pieces: []intake.Piece{detail("filename", "budget.xlsx")},
		Body: &intake.Body{Name: "file", Class: audit.ClassText, Open: func(context.Context) (io.ReadCloser, error) {
			*opened++
			return io.NopCloser(from), err
		}},
	}
}

// parts are the references of a record: name, length, and whether there is a block or why not.
func parts(r *audit.Record) (list []audit.Content) {
	for _, c := range r.Content {
		if c.Address != "" {
			c.Address = "held"
		}
		list = append(list, c)
	}
	return list
}

func TestBodyIsStoredInParts(t *testing.T) {
	s := open(t, capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
	opened := 0
	large := bytes.Repeat([]byte("0123456789abcdef"), (2<<20+32)/16)
	receipt := s.submit(t, file("one", &opened, bytes.NewReader(large), nil))
	want := []audit.Content{
		{Name: "filename", Class: audit.ClassDetail, Kind: "string", Bytes: 11, Address: "held"},
		{Name: "file", Class: audit.ClassText, Kind: "bytes", Bytes: 1 << 20, Address: "held"},
		{Name: "file.1", Class: audit.ClassText, Kind: "bytes", Bytes: 1 << 20, Address: "held"},
		{Name: "file.2", Class: audit.ClassText, Kind: "bytes", Bytes: 32, Address: "held"},
	}
	if diff := cmp.Diff(want, parts(s.record(t, receipt.Seqs[0]))); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
	if again := s.submit(t, file("one", &opened, strings.NewReader("not read"), nil)); again.Duplicates != 1 || opened != 1 {
		t.Errorf("delivered again: %+v, opened %d times", again, opened)
	}
	held, err := s.door.Held(t.Context(), intake.Delivery{Credential: "laptops", Drafts: []intake.Draft{
		file("one", &opened, nil, nil), file("another", &opened, nil, nil),
	}})
	if err != nil || !held[0] || held[1] {
		t.Errorf("held %v, %v", held, err)
	}
}

func TestEmptyBody(t *testing.T) {
	s := open(t, capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
	opened := 0
	r := s.record(t, s.submit(t, file("one", &opened, strings.NewReader(""), nil)).Seqs[0])
	if len(r.Content) != 2 || r.Content[1].Bytes != 0 || r.Content[1].Address == "" {
		t.Errorf("references %+v", r.Content)
	}
}

func TestBodyOfWhatThePolicyWithholdsIsNotOpened(t *testing.T) {
	s := open(t, capture.Config{Rules: []capture.Rule{{Keep: audit.ClassDetail}}})
	opened := 0
	r := s.record(t, s.submit(t, file("one", &opened, strings.NewReader("text"), nil)).Seqs[0])
	if opened != 0 || len(r.Content) != 2 || r.Content[0].Address == "" || r.Content[1].Withheld != audit.WithheldPolicy {
		t.Errorf("opened %d times, references %+v", opened, r.Content)
	}
}

// TestBodyThatCannotBeRead leaves no record, and is not taken for trouble of ours.
func TestBodyThatCannotBeRead(t *testing.T) {
	s := open(t, capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
	refused := errors.New("refused")
	opened := 0
	f := func(d intake.Draft) {
		t.Helper()
		_, err := s.door.Submit(t.Context(), intake.Delivery{Drafts: []intake.Draft{d}, Cursors: map[string][]byte{"c": []byte("moved")}})
		var unread *intake.BodyError
		if !errors.As(err, &unread) || !errors.Is(err, refused) || errors.Is(err, intake.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
	}
	f(file("one", &opened, nil, refused))
	f(file("one", &opened, io.MultiReader(bytes.NewReader(make([]byte, 3<<20)), broken{refused}), nil))
	last, err := s.journal.Reader().Last(t.Context())
	at, cursorErr := s.journal.Cursor(t.Context(), "c")
	if err != nil || cursorErr != nil || last != 0 || at != nil {
		t.Errorf("%d records, cursor %q, %v, %v", last, at, err, cursorErr)
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }
