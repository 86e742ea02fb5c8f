package post

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendString appends a JSON string. What is not UTF-8 becomes the replacement character.
func AppendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // what it complains of is put right
	return dst
}

// AppendTime appends a time in RFC 3339 with milliseconds, UTC, as a JSON string.
func AppendTime(dst []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(dst, '"'), "2006-01-02T15:04:05.000Z"), '"')
}

// AppendSeq appends a position as a number.
func AppendSeq(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }
