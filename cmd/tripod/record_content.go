package main

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/export"
)

// piece is one piece of content as --json prints it.
type piece struct {
	Record    uint64              `json:"record"`
	Name      string              `json:"name"`
	Class     audit.Class         `json:"class"`
	Bytes     int                 `json:"bytes"`
	State     casebook.PieceState `json:"state"`
	Truncated bool                `json:"truncated,omitempty"`
	Text      *string             `json:"text,omitempty"`   // of held content that is UTF-8
	Base64    []byte              `json:"base64,omitempty"` // of other held content
}

// printContent prints what a record refers to, opened under a grant. What everybody is told before goes to stderr.
func (c *recordCommand) printContent(ctx context.Context, std streams) error {
	if c.Grant == "" {
		return usage{errors.New("record: content opens under a grant: name it with --grant, or ask for one with tripod case request")}
	}
	if _, err := fmt.Fprintln(std.err, casebook.Dialog); err != nil {
		return err
	}
	flags := caseFlags{dataFlag: c.dataFlag, Config: c.Config}
	answer, err := flags.carry(ctx, app.CaseOrder{Do: "read", Grant: c.Grant, Record: uint64(c.Seq)})
	if err != nil {
		return err
	}
	if len(answer.Pieces) == 0 && !c.JSON {
		_, err := fmt.Fprintf(std.out, "record %d refers to no content\n", c.Seq)
		return err
	}
	for _, p := range answer.Pieces {
		if err := c.printPiece(std, &p); err != nil {
			return err
		}
	}
	return nil
}

func (c *recordCommand) printPiece(std streams, p *casebook.Piece) error {
	if c.JSON {
		out := piece{Record: uint64(c.Seq), Name: p.Name, Class: p.Class, Bytes: p.Bytes, State: p.State, Truncated: p.Truncated}
		if text := string(p.Text); p.State == casebook.Held && utf8.ValidString(text) {
			out.Text = &text
		} else if p.State == casebook.Held {
			out.Base64 = p.Text
		}
		return printJSON(std.out, out)
	}
	if p.State != casebook.Held {
		_, err := fmt.Fprintf(std.out, "%s (%s, %d bytes): %s\n", plain(p.Name), p.Class, p.Bytes, p.State)
		return err
	}
	cut := ""
	if p.Truncated {
		cut = ", cut when it was taken in"
	}
	_, err := fmt.Fprintf(std.out, "%s (%s, %d bytes%s):\n%s\n", plain(p.Name), p.Class, p.Bytes, cut, export.PlainLines(string(p.Text)))
	return err
}
