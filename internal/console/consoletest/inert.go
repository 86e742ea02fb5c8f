package consoletest

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

// elements are those that pages are made of; a page with any other has one that came from data.
var elements = strings.Fields(`html head meta title link script body a header nav main footer section aside article div span p h1 h2 h3 h4
	ul ol li dl dt dd table caption thead tbody tfoot tr th td colgroup col form label input button select option textarea output details summary dialog
	search noscript svg path circle rect line polyline polygon g text tspan defs pattern use clippath title code pre kbd b strong em s mark small sub sup
	bdi fieldset legend time abbr figure figcaption hr br meter progress del ins template`)

// attributes are those that pages use, beside data-…, aria-… and hx-….
var attributes = strings.Fields(`lang charset name content rel href src type defer class id title tabindex hidden role for value placeholder
	spellcheck autocapitalize autocomplete action method maxlength minlength required scope formaction colspan rowspan datetime download open start reversed checked selected
	disabled readonly min max step viewbox width height d fill stroke stroke-width stroke-linecap stroke-linejoin stroke-dasharray cx cy r rx ry x y x1 y1 x2 y2
	points preserveaspectratio transform patternunits patterntransform patterncontentunits text-anchor dominant-baseline dir http-equiv cols rows opacity fill-rule
	clip-path clip-rule dx dy font-size vector-effect enterkeyhint inputmode multiple label headers`)

// CheckInert fails the test where something in a page came from data: an element, an attribute, an id, a class, a script, an
// address of elsewhere, or a character that acts.
func CheckInert(t testing.TB, name, page string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	for n := range doc.Descendants() {
		switch n.Type {
		case html.ElementNode:
			checkElement(t, name, n)
		case html.TextNode:
			checkText(t, name, n.Parent.Data, n.Data)
		case html.CommentNode:
			t.Errorf("%s: comment %q", name, n.Data)
		}
	}
}

func checkElement(t testing.TB, name string, n *html.Node) {
	t.Helper()
	if !slices.Contains(elements, strings.ToLower(n.Data)) {
		t.Errorf("%s: element <%s>", name, n.Data)
	}
	src := false
	for _, a := range n.Attr {
		key := strings.ToLower(a.Key)
		if !slices.Contains(attributes, key) && !strings.HasPrefix(key, "data-") && !strings.HasPrefix(key, "aria-") && !strings.HasPrefix(key, "hx-") {
			t.Errorf("%s: attribute %s=%q of <%s>", name, key, short(a.Val), n.Data)
		}
		switch key {
		case "id", "class", "name", "role", "type", "rel", "method", "for":
			if strings.Contains(a.Val, Mark) {
				t.Errorf("%s: %s=%q of <%s> came from data", name, key, short(a.Val), n.Data)
			}
		case "href", "src", "action", "formaction", "hx-get", "hx-post", "data-url", "data-session", "data-href":
			if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
				t.Errorf("%s: %s=%q of <%s> leads elsewhere", name, key, short(a.Val), n.Data)
			}
			src = src || key == "src"
		}
		switch {
		case key == "value": // what somebody typed, which a form sends back; nothing else reads it
		case key == "data-copy" && strings.Contains(a.Val, Mark) && strings.ContainsAny(a.Val, "\n\t\u00a0"):
			t.Errorf("%s: copying gives %q", name, short(a.Val))
		default:
			checkText(t, name, n.Data+" "+key, a.Val)
		}
	}
	if n.Data == "script" && (!src || n.FirstChild != nil) {
		t.Errorf("%s: a script in the page", name)
	}
}

// checkText wants no character in a text that moves a cursor, turns the reading direction or cannot be seen.
func checkText(t testing.TB, name, where, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && r != '\t' && r != '\u00a0' && (!unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Errorf("%s: %U in %s: %q", name, r, where, short(text))
			return
		}
	}
}

func short(s string) string { return s[:min(len(s), 120)] }
