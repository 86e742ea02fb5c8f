package page

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/correlate"
)

// funcs are what templates can call beyond the built-in functions. Whatever comes from a record goes through shown (as the
// content of an element), plain (in an attribute) or one of the functions that make addresses.
func funcs(assets *Assets) template.FuncMap {
	return template.FuncMap{
		"asset":       assets.URL,
		"shown":       Shown,
		"shownUpTo":   func(most int, s string) template.HTML { return ShownUpTo(s, most) },
		"plain":       Plain,
		"inert":       audit.InertText,
		"count":       Count,
		"plural":      Plural,
		"ucount":      func(n uint64) string { return Count(int64(n)) },
		"bytes":       Bytes,
		"space":       Space,
		"when":        When,
		"ago":         ago,
		"duration":    Duration,
		"sessionURL":  SessionURL,
		"recordURL":   RecordURL,
		"activityURL": ActivityURL,
		"kindName":    KindName,
		"keepable":    func() []string { return []string{"metadata", "detail", "text"} },
		"purposeName": PurposeName,
		"capital":     capital,
		"join":        strings.Join,
		"add":         func(a, b int) int { return a + b },
		"int64":       func(n int) int64 { return int64(n) },

		"alertURL":     AlertURL,
		"caseURL":      CaseURL,
		"grantURL":     GrantURL,
		"kindWords":    KindWords,
		"purposeWords": PurposeWords,
		"basisWords":   BasisWords,
		"roleWords":    RoleWords,
		"classWords":   ClassWords,
		"until":        Until,
		"inertText":    Inert,
		"rfc3339":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"clock":        func(t time.Time) string { return t.UTC().Format("15:04") },
	}
}

// SessionURL is the address of a session's page. A browser takes "." and ".." out of a path however they are escaped
// (https://url.spec.whatwg.org/#double-dot-path-segment).
func SessionURL(id string) string {
	if id == "." || id == ".." {
		return "/session?" + url.Values{"id": {id}}.Encode()
	}
	return "/session/" + url.PathEscape(id)
}

// sessionURLAt is SessionURL with a parameter that says which part of the session.
func sessionURLAt(id, name, value string) string {
	u, mark := SessionURL(id), "?"
	if strings.Contains(u, mark) {
		mark = "&"
	}
	return u + mark + name + "=" + value
}

// SpotURL is where a session's page shows a discrepancy: a gap itself, or the record at its edge.
func SpotURL(session string, seq uint64, d *correlate.Discrepancy) string {
	if seq == 0 {
		return SessionURL(session)
	}
	n := strconv.FormatUint(seq, 10)
	if d.Kind == correlate.KindSequenceGap {
		return sessionURLAt(session, "record", n) + "#" + d.ID
	}
	return sessionURLAt(session, "record", n) + "#record-" + n
}

// RecordURL is the address of a record's page.
func RecordURL(seq uint64) string { return "/record/" + strconv.FormatUint(seq, 10) }

// ActivityURL is the address of a query.
func ActivityURL(query string) string { return "/activity?" + url.Values{"q": {query}}.Encode() }

// Stamp is a time as pages print it, in UTC, to the millisecond.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

// When prints a time in UTC; a script adds the browser's local time to its tooltip.
func When(t time.Time) template.HTML {
	if t.IsZero() {
		return `<span class="none">not said</span>`
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s UTC"><span class="day">%s</span> <span class="clock">%s<span class="ms">.%03d</span></span></time>`,
		t.Format(time.RFC3339Nano), Stamp(t), t.Format(time.DateOnly), t.Format(time.TimeOnly), t.Nanosecond()/1e6))
}

// Until prints a time to come; a script adds how long it is until then.
func Until(t time.Time) template.HTML {
	return `<span data-until="` + template.HTML(t.UTC().Format(time.RFC3339)) + `">` + When(t) + `</span>`
}

// ago prints Ago; a script lets it go on, so that a page left open does not look young.
func ago(now, t time.Time) template.HTML {
	text := template.HTMLEscapeString(Ago(now, t))
	if age := now.Sub(t); !t.IsZero() && age > -time.Minute {
		return template.HTML(fmt.Sprintf(`<span data-age="%d">%s</span>`, age.Milliseconds(), text))
	}
	return template.HTML(text)
}

// Ago tells how long before now a time was, roughly.
func Ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < -time.Minute:
		return "in " + Duration(-d)
	case d < time.Second:
		return "now"
	case d < 10*time.Second:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	}
	return Duration(d) + " ago"
}

// Duration is a length of time with its two largest units at most.
func Duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return pair(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	case d < 24*time.Hour:
		return pair(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return pair(int(d.Hours())/24, "d", int(d.Hours())%24, "h")
}

func pair(a int, unitA string, b int, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unitA)
	}
	return fmt.Sprintf("%d %s %d %s", a, unitA, b, unitB)
}

// Count prints a number with its thousands apart.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// Bytes prints a size.
func Bytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f KB", float64(n)/1e3)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// Space prints room on a disk, in the units that tripod doctor and df -h count in.
func Space(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// Plural is a number with its noun.
func Plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}
