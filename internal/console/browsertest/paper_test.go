package browsertest

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
)

// TestPaperSaysWhatItIs prints pages: what was asked, how much of it this is, who printed it and when stand on the paper; what
// can only be clicked does not.
func TestPaperSaysWhatItIs(t *testing.T) {
	b := bench(t)
	sessions := b.Fill(10, time.Now())
	b.Organise(time.Now())
	br := open(t, b)
	br.look(look{800, 1100, false})
	for _, test := range []struct {
		path string
		want []string
	}{
		{"/activity?q=user:dana@example.com", []string{"Query: user:dana@example.com", "Records 1–", "newest first", "as shown to auditor at 20", ", printed at 20"}},
		{"/activity?order=oldest", []string{"Query: -source:tripod", "Records 1–50 of", "oldest first"}},
		{"/session/" + sessions[3], []string{"as shown to auditor", "@example.com"}},
		{"/organisation", []string{"Organisation · as shown to auditor", "expects on", "key:apikey_other"}},
		{"/record/9", []string{"Record 9 · as shown to auditor"}},
	} {
		br.visit(test.path)
		br.run(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
		eval[string](br, `(dispatchEvent(new Event("beforeprint")), "")`)
		text := strings.Join(strings.Fields(eval[string](br, `document.body.innerText`)), " ")
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s on paper lacks %q: %.600s", test.path, want, text)
			}
		}
		clickable := eval[string](br, `[...document.querySelectorAll("button, .button, .chip svg, summary.menu, nav.pages a, .turn[href]")]
			.filter((el) => el.checkVisibility()).map((el) => el.outerHTML.slice(0, 80)).join("\n")`)
		if clickable != "" {
			t.Errorf("%s on paper has %s", test.path, clickable)
		}
		br.run(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "screen"}))
		if eval[bool](br, `[...document.querySelectorAll(".on-paper")].some((el) => el.checkVisibility())`) {
			t.Errorf("%s on a screen has what is for paper", test.path)
		}
	}
}
