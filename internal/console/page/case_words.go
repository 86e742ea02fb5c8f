package page

import (
	"net/url"
	"strings"
)

// KindWords says what a case is.
func KindWords(kind string) string {
	switch kind {
	case "request":
		return "request of a data subject"
	case "matter":
		return "legal matter"
	case "investigation":
		return "investigation"
	}
	return kind
}

// PurposeWords says what a case is for.
func PurposeWords(purpose string) string {
	switch purpose {
	case "ediscovery":
		return "eDiscovery"
	case "employment":
		return "employment matter"
	case "incident":
		return "security incident"
	}
	return strings.ReplaceAll(purpose, "_", " ")
}

// BasisWords says a legal basis.
func BasisWords(basis string) string {
	article := map[string]string{
		"consent": "6(1)(a)", "contract": "6(1)(b)", "legal_obligation": "6(1)(c)", "vital_interests": "6(1)(d)", "public_task": "6(1)(e)",
		"legitimate_interests": "6(1)(f)", "legal_claims": "9(2)(f)",
	}[basis]
	words := strings.ReplaceAll(basis, "_", " ")
	if article == "" {
		return words
	}
	return words + ", Article " + article + " GDPR"
}

// RoleWords says a role as people say it.
func RoleWords(role string) string { return strings.ReplaceAll(role, "_", " ") }

// ClassWords says what a class of content holds.
func ClassWords(class string) string {
	switch class {
	case "detail":
		return "detail: titles, paths, commands, queries, arguments"
	case "text":
		return "text: prompts, replies, outputs, file bodies; and detail"
	}
	return class
}

// CaseURL is the address of a case's page.
func CaseURL(id string) string { return "/cases/" + url.PathEscape(id) }

// GrantURL is where the page of a case shows a grant.
func GrantURL(c, grant string) string { return CaseURL(c) + "#" + grant }

// ContentURL is the address of what a record refers to, opened under a grant.
func ContentURL(seq uint64, grant string) string {
	return RecordURL(seq) + "/content?" + url.Values{"grant": {grant}}.Encode()
}

// SessionContentURL is the address of what was written in a session, opened under a grant.
func SessionContentURL(session, grant string) string {
	return "/session/" + url.PathEscape(session) + "/content?" + url.Values{"grant": {grant}}.Encode()
}

// SessionOf is the session that a container holds the content of, "" where it is none.
func SessionOf(container string) string {
	rest, ok := strings.CutPrefix(container, "session/")
	if !ok {
		return ""
	}
	_, id, _ := strings.Cut(rest, "/")
	return id
}
