package detector

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// validator says whether what an expression matched can be what the rule is about.
type validator func(value []byte) bool

func parseValidators(list []string) ([]validator, error) {
	var all []validator
	for _, text := range list {
		name, argument, _ := strings.Cut(text, ":")
		n, err := strconv.ParseFloat(argument, 64)
		if argument != "" && err != nil {
			return nil, fmt.Errorf("validator %q: what follows the colon is no number", text)
		}
		switch name {
		case "entropy": // bits a byte, at least
			all = append(all, func(v []byte) bool { return entropy(v) >= n })
		case "digits": // so many digits at least
			all = append(all, func(v []byte) bool { return count(v, digit) >= int(n) })
		case "letters":
			all = append(all, func(v []byte) bool { return count(v, letter) >= int(n) })
		case "mixed": // upper and lower case and digits
			all = append(all, mixed)
		case "basic": // name and password as HTTP's Basic scheme encodes them
			all = append(all, basic)
		case "password": // not a reference to one, not a word of prose
			all = append(all, func(v []byte) bool { return password(v, true) })
		case "no_uuid":
			all = append(all, func(v []byte) bool { return !uuid(v) })
		default:
			return nil, fmt.Errorf("validator %q is unknown", text)
		}
	}
	return all, nil
}

// entropy is Shannon's, in bits a byte, of the frequencies in the value itself.
func entropy(v []byte) float64 {
	var n [256]int
	for _, c := range v {
		n[c]++
	}
	var sum float64
	for _, k := range n {
		if k > 0 {
			p := float64(k) / float64(len(v))
			sum -= p * math.Log2(p)
		}
	}
	return sum
}

func count(v []byte, is func(byte) bool) int {
	n := 0
	for _, c := range v {
		if is(c) {
			n++
		}
	}
	return n
}

func mixed(v []byte) bool {
	upper := count(v, func(c byte) bool { return c >= 'A' && c <= 'Z' })
	return upper > 0 && count(v, letter) > upper && count(v, digit) > 0
}

// basic says whether a value is base64 of "name:password", all of it printable.
func basic(v []byte) bool {
	text, err := base64.StdEncoding.DecodeString(string(v))
	if err != nil {
		return false
	}
	for _, c := range text {
		if c < ' ' || c > '~' {
			return false
		}
	}
	_, secret, ok := bytes.Cut(text, []byte(":"))
	return ok && len(secret) >= 4 && !placeholder(secret)
}

func uuid(v []byte) bool {
	if len(v) != 36 {
		return false
	}
	for i, c := range v {
		if hyphen := i == 8 || i == 13 || i == 18 || i == 23; hyphen != (c == '-') || !hyphen && !hexDigit(c) {
			return false
		}
	}
	return true
}

// placeholders stand in documentation where a secret would.
var placeholders = []string{"example", "placeholder", "your_", "your-", "yourkey", "yourtoken", "yoursecret", "xxxx", "redacted", "dummy", "changeme",
	"change_me", "change-me", "insert", "replace", "....", "****", "0000000", "1111111", "12345678", "abcdefgh", "deadbeef", "foobar", "todo", "fixme", "fake", "sample"}

// placeholder says whether a value is one that documentation uses.
func placeholder(v []byte) bool {
	text := strings.ToLower(string(v))
	if strings.HasPrefix(text, "my_") || strings.HasPrefix(text, "my-") {
		return true
	}
	for _, p := range placeholders {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}
