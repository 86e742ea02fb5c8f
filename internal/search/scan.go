package search

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Read fills the facts from the canonical bytes of a record. It reads only what search needs, which takes a tenth of the
// time of decoding the record whole; bytes it does not understand are left to audit.Decode.
func (f *Facts) Read(canonical []byte) error {
	f.scratch = audit.Record{Flags: f.scratch.Flags[:0]}
	s := scanner{text: string(canonical)} // one copy, which all values share
	if err := s.record(&f.scratch); err != nil {
		r, err := audit.Decode(canonical)
		if err != nil {
			return fmt.Errorf("read record: %w", err)
		}
		f.Extract(r)
		return nil
	}
	f.Extract(&f.scratch)
	return nil
}

var errScan = errors.New("not the canonical form")

// scanner walks over compact JSON without building anything but the strings it is asked for.
type scanner struct {
	text string
	at   int
}

// object calls field for each member; field consumes the value.
func (s *scanner) object(field func(name string) error) error {
	if !s.eat('{') {
		return errScan
	}
	if s.eat('}') {
		return nil
	}
	for {
		name, err := s.str()
		if err != nil || !s.eat(':') {
			return errScan
		}
		if err := field(name); err != nil {
			return err
		}
		if s.eat('}') {
			return nil
		}
		if !s.eat(',') {
			return errScan
		}
	}
}

func (s *scanner) eat(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// str reads a string. One with escapes is left to the full decoder: ids and names rarely have any.
func (s *scanner) str() (string, error) {
	if !s.eat('"') {
		return "", errScan
	}
	n := strings.IndexByte(s.text[s.at:], '"')
	if n < 0 {
		return "", errScan
	}
	v := s.text[s.at : s.at+n]
	if strings.IndexByte(v, '\\') >= 0 {
		return "", errScan
	}
	s.at += n + 1
	return v, nil
}

// skip passes over any value.
func (s *scanner) skip() error {
	for depth := 0; s.at < len(s.text); {
		switch c := s.text[s.at]; c {
		case '"':
			if err := s.skipString(); err != nil {
				return err
			}
			if depth == 0 {
				return nil
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // the end of what the value stands in
				return nil
			}
			if depth--; depth == 0 {
				s.at++
				return nil
			}
		case ',':
			if depth == 0 {
				return nil
			}
		}
		s.at++
	}
	return errScan
}

func (s *scanner) skipString() error {
	for i := s.at + 1; i < len(s.text); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case '"':
			s.at = i + 1
			return nil
		}
	}
	return errScan
}

func (s *scanner) into(v *string) (err error) {
	*v, err = s.str()
	return err
}

func (s *scanner) time(t *time.Time) error {
	v, err := s.str()
	if err != nil {
		return err
	}
	*t, err = time.Parse(time.RFC3339Nano, v)
	return err
}

func (s *scanner) record(r *audit.Record) error {
	err := s.object(func(name string) error {
		switch name {
		case "source":
			return s.into((*string)(&r.Source))
		case "surface":
			return s.into((*string)(&r.Surface))
		case "activity":
			return s.into((*string)(&r.Activity))
		case "type":
			return s.into(&r.Type)
		case "outcome":
			return s.into((*string)(&r.Outcome))
		case "occurred":
			return s.time(&r.Occurred)
		case "recorded":
			return s.time(&r.Recorded)
		case "account":
			return s.account(&r.Account)
		case "keys":
			return s.keys(&r.Keys)
		case "tool":
			return s.into(&r.Tool)
		case "mcp":
			return s.into(&r.MCP)
		case "model":
			return s.into(&r.Model)
		case "rule":
			return s.into(&r.Rule)
		case "case":
			return s.into(&r.Case)
		case "ip":
			return s.into(&r.IP)
		case "flags":
			return s.list(&r.Flags)
		case "attributes":
			if r.Source == audit.SourceTripod { // may order an erasure
				return errScan
			}
		}
		return s.skip()
	})
	if err == nil && s.at != len(s.text) {
		return errScan
	}
	return err
}

func (s *scanner) list(v *[]string) error {
	if !s.eat('[') {
		return errScan
	}
	for !s.eat(']') {
		item, err := s.str()
		if err != nil {
			return err
		}
		*v = append(*v, item)
		s.eat(',')
	}
	return nil
}

func (s *scanner) account(a *audit.Account) error {
	return s.object(func(name string) error {
		switch name {
		case "asserted":
			return s.identity(&a.Asserted)
		case "proved":
			return s.identity(&a.Proved)
		}
		return s.skip()
	})
}

func (s *scanner) identity(id *audit.Identity) error {
	return s.object(func(name string) error {
		switch name {
		case "user":
			return s.into(&id.User)
		case "uuid":
			return s.into(&id.UUID)
		case "email":
			return s.into(&id.Email)
		case "subject":
			return s.into(&id.Subject)
		case "org":
			return s.into(&id.Org)
		case "key":
			return s.into(&id.Key)
		case "service":
			return s.into(&id.Service)
		case "device":
			return s.into(&id.Device)
		case "os_user":
			return s.into(&id.OSUser)
		case "credential":
			return s.into(&id.Credential)
		}
		return s.skip()
	})
}

func (s *scanner) keys(k *audit.Keys) error {
	return s.object(func(name string) error {
		switch name {
		case "session":
			return s.into(&k.Session)
		case "prompt":
			return s.into(&k.Prompt)
		case "request":
			return s.into(&k.Request)
		case "client_request":
			return s.into(&k.ClientRequest)
		case "tool_use":
			return s.into(&k.ToolUse)
		case "message":
			return s.into(&k.Message)
		case "chat":
			return s.into(&k.Chat)
		case "project":
			return s.into(&k.Project)
		case "agent":
			return s.into(&k.Agent)
		case "parent_agent":
			return s.into(&k.ParentAgent)
		case "trace":
			return s.into(&k.Trace)
		}
		return s.skip()
	})
}
