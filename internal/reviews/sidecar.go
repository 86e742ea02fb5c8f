package reviews

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"time"
)

// Sidecar says what a file of the log is, so that it can be judged without asking.
type Sidecar struct {
	What     string    `json:"what"`  // "reviews" or "consultations"
	Query    string    `json:"query"` // of the log
	Account  string    `json:"account,omitempty"`
	Time     time.Time `json:"time"`
	Version  string    `json:"tripod_version"`
	Position uint64    `json:"journal_end"`
	Behind   uint64    `json:"index_behind"`
	Rows     int       `json:"rows"`
	SHA256   string    `json:"sha256"` // of the file
	Limits   []string  `json:"limits,omitempty"`
}

// Summed is a writer that knows what it has written.
type Summed struct {
	io.Writer
	sum hash.Hash
}

// NewSummed makes a writer to w.
func NewSummed(w io.Writer) *Summed {
	sum := sha256.New()
	return &Summed{io.MultiWriter(w, sum), sum}
}

// SHA256 is the hash of everything written, in hex.
func (s *Summed) SHA256() string { return hex.EncodeToString(s.sum.Sum(nil)) }
