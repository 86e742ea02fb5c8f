package audit_test

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
)

func TestInertText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "Bash", "Zürich 東京 عربي", "<b>", "a b", "\ufffd"} {
		if !audit.InertText(s) {
			t.Errorf("%q is said to act", s)
		}
	}
	for _, s := range []string{"a\nb", "a\tb", "a\x1b[31mb", "a\u202eb", "a\u200bb", "\ufeffa", "a\u00a0b", "a\xffb", "\x00", "a\u2028b", "\u2066"} {
		if audit.InertText(s) {
			t.Errorf("%q is said to be inert", s)
		}
	}
}
