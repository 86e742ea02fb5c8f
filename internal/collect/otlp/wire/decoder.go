package wire

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// decoder holds the budget of one request and the slab its attributes are cut from.
type decoder struct {
	lim     Limits
	nodes   int    // spent of lim.MaxNodes
	records int    // spent of lim.MaxRecords
	odd     Odd    // what was odd since the last takeOdd
	over    bool   // a limit was exceeded: the request is refused as a whole
	slab    []Attr // unused attributes
	hint    int    // attributes to expect, by the size of the body
}

func newDecoder(body string, lim Limits) *decoder {
	return &decoder{lim: lim.withDefaults(), hint: min(max(len(body)/50, 16), 4096)}
}

// spend takes n nodes off the budget and reports whether there were that many.
func (d *decoder) spend(n int) bool {
	if n > d.lim.MaxNodes-d.nodes {
		d.over = true
		return false
	}
	d.nodes += n
	return true
}

func (d *decoder) spendRecords(n int) bool {
	if n > d.lim.MaxRecords-d.records {
		d.over = true
		return false
	}
	d.records += n
	return d.spend(n)
}

// attrs makes room for n attributes.
func (d *decoder) attrs(n int) []Attr {
	if n == 0 || !d.spend(n) {
		return nil
	}
	if n > len(d.slab) {
		d.slab = make([]Attr, max(n, d.hint))
	}
	a := d.slab[:0:n]
	d.slab = d.slab[n:]
	return a
}

func (d *decoder) takeOdd() Odd {
	odd := d.odd
	d.odd = 0
	return odd
}

// text makes a string valid UTF-8.
func (d *decoder) text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	d.odd |= OddText
	return strings.ToValidUTF8(s, "\ufffd")
}

const longestID = 32 // bytes; trace ids have 16, span ids 8

// id renders the bytes of a trace or span id; one of zeros only is unset.
func (d *decoder) id(b string) string {
	if strings.Trim(b, "\x00") == "" {
		return ""
	}
	if len(b) > longestID {
		d.odd |= OddValue
		return ""
	}
	return hex.EncodeToString([]byte(b))
}

// textID reads an id spelled as text: hex as OTLP says, base64 as plain protobuf JSON would have it.
func (d *decoder) textID(s string) string {
	if len(s) > 2*longestID {
		d.odd |= OddValue
		return ""
	}
	if b, err := hex.DecodeString(s); err == nil {
		return d.id(string(b))
	}
	d.odd |= OddValue
	if b, err := base64.StdEncoding.DecodeString(s); err == nil && (len(b) == 16 || len(b) == 8) {
		return d.id(string(b))
	}
	return ""
}
