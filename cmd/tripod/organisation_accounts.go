package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/tripod-audit/tripod/internal/export"
	"github.com/tripod-audit/tripod/internal/organisation"
)

type organisationAccounts struct {
	organisationFlags
	State string `help:"Only members, leavers, those invited, or those known only by what they did: member, left, invited, seen." enum:",member,left,invited,seen" default:"" placeholder:"STATE"`
	Text  string `arg:"" optional:"" help:"Only those with this in an identifier, role or group."`
}

func (c *organisationAccounts) Run(ctx context.Context, std streams) error {
	return c.with(ctx, std, func(view organisation.Reader) error {
		found, err := view.Accounts(ctx, organisation.Filter{Text: c.Text, State: c.State})
		if err != nil {
			return err
		}
		return printList(std, c.JSON, found.List, accountLine)
	})
}

// accountLine is an account as one line.
func accountLine(a *organisation.Account) string {
	parts := []string{fmt.Sprintf("%-36s %-7s", field(a.Name), a.State)}
	if a.Asserted {
		parts = append(parts, "(asserted only)")
	}
	if a.Role != "" {
		parts = append(parts, "role:"+field(a.Role))
	}
	if a.Joined != nil {
		parts = append(parts, "joined:"+export.Stamp(*a.Joined))
	}
	if a.Left != nil {
		parts = append(parts, "left:"+export.Stamp(*a.Left))
	}
	for _, s := range a.Seen {
		part := s.Plane + ":" + export.Stamp(s.Last)
		if !s.Proved {
			part += " (asserted)"
		}
		parts = append(parts, part)
	}
	return strings.Join(append(parts, a.ID), "  ")
}

type organisationAccount struct {
	organisationFlags
	ID string `arg:"" help:"An address, or any identifier the account was ever known by."`
}

func (c *organisationAccount) Run(ctx context.Context, std streams) error {
	return c.with(ctx, std, func(view organisation.Reader) error {
		a, log, err := view.Account(ctx, c.ID)
		if err != nil {
			return err
		}
		if a == nil {
			return wanting{fmt.Errorf("no account was ever known as %q: tripod organisation accounts lists them", c.ID)}
		}
		if c.JSON {
			return printJSON(std.out, struct {
				*organisation.Account
				History []organisation.AccountEvent `json:"history"`
			}{a, log})
		}
		fmt.Fprintln(std.out, accountLine(a))
		for _, k := range a.Known {
			how := "asserted"
			if k.Proved {
				how = "proved"
			}
			fmt.Fprintf(std.out, "  known as     %-8s %-40s %s, %s to %s\n", field(k.Kind), field(k.Value), how, export.Stamp(k.First), export.Stamp(k.Last))
		}
		for _, list := range []struct {
			name   string
			values []string
		}{{"groups", a.Groups}, {"roles", a.Roles}, {"organisation", a.Orgs}} {
			if len(list.values) > 0 {
				fmt.Fprintf(std.out, "  %-12s %s\n", list.name, fields(list.values))
			}
		}
		return printList(std, false, log, eventLine)
	})
}

// eventLine is something in the history of an account as one line.
func eventLine(e *organisation.AccountEvent) string {
	parts := []string{fmt.Sprintf("  %s  %s", export.Stamp(e.At), plain(e.Words()))}
	if e.By != "" {
		parts = append(parts, "by:"+field(e.By))
	}
	return strings.Join(append(parts, fmt.Sprintf("record:%d", e.Seq)), "  ")
}
