package console_test

import (
	"io"
	"strings"
)

// valueOf finds the value of a hidden input.
func valueOf(html, name string) string {
	_, rest, _ := strings.Cut(html, `name="`+name+`" value="`)
	v, _, _ := strings.Cut(rest, `"`)
	return v
}

func body(text string) (io.ReadCloser, int64) {
	return io.NopCloser(strings.NewReader(text)), int64(len(text))
}
