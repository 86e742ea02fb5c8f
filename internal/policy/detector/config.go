package detector

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Config says what to look for. The zero Config looks for everything that needs no configuration.
type Config struct {
	// Off lists what is not looked for: families ("personal") or kinds ("personal.phone").
	Off []string `yaml:"off"`
	// Dictionaries are the customer's own terms, in clear or as hashes; each is a kind of the family "dictionary".
	Dictionaries []Dictionary `yaml:"dictionaries"`
}

// Dictionary is a list of terms of the customer's own: names of projects, codes of materials, numbers of patients.
type Dictionary struct {
	// Name is the kind: lower-case letters, digits and underscores.
	Name string `yaml:"name"`
	// Title says in a few words what the terms are.
	Title string `yaml:"title"`
	// Terms are found as whole words, whatever their case. At most 256 KiB in all dictionaries together.
	Terms []string `yaml:"terms"`
	// Hashes are terms nobody shall read in the configuration: what Hash gives, in hexadecimal. Every word of a text is hashed
	// to find them, which takes about 1.5 ms for 50 KB, and as much again for each further number of words.
	Hashes []string `yaml:"hashes"`
	// Salt goes into Hashes. Keep it as secret as the terms: short terms can be guessed with it.
	Salt string `yaml:"salt"`
	// Words is how many words a hashed term has at most, 1 to 4; 0 means 1.
	Words int `yaml:"words"`
}

const (
	maxTerms  = 256 << 10 // bytes of all terms together: the automaton takes about 300 bytes for each of them
	maxHashes = 1 << 20
)

var dictionaryName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// Validate reports every problem at once, none of them with a term or a salt in it.
func (c Config) Validate() error {
	_, err := New(c)
	return err
}

func (c Config) check(known []Kind) error {
	var errs []error
	for _, name := range c.Off {
		if !slices.ContainsFunc(known, func(k Kind) bool { return k.Detector == name || k.Name() == name }) {
			errs = append(errs, fmt.Errorf("off: %q is no family and no kind of detector", name))
		}
	}
	seen, bytes, hashes := map[string]bool{}, 0, 0
	for i, d := range c.Dictionaries {
		where := fmt.Sprintf("dictionaries[%d] %q", i, d.Name)
		if !dictionaryName.MatchString(d.Name) {
			errs = append(errs, fmt.Errorf("%s: a name has 1 to 40 lower-case letters, digits and underscores, and begins with a letter", where))
		}
		if seen[d.Name] {
			errs = append(errs, fmt.Errorf("%s: the name is taken", where))
		}
		seen[d.Name] = true
		if err := d.check(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
		}
		for _, t := range d.Terms {
			bytes += len(t)
		}
		hashes += len(d.Hashes)
	}
	if bytes > maxTerms {
		errs = append(errs, fmt.Errorf("dictionaries: %d bytes of terms, more than %d: give them as hashes", bytes, maxTerms))
	}
	if hashes > maxHashes {
		errs = append(errs, fmt.Errorf("dictionaries: %d hashes, more than %d", hashes, maxHashes))
	}
	return errors.Join(errs...)
}

func (d Dictionary) check() error {
	switch {
	case len(d.Terms)+len(d.Hashes) == 0:
		return errors.New("it has neither terms nor hashes")
	case d.Words < 0 || d.Words > 4:
		return errors.New("words: 1 to 4")
	case len(d.Hashes) > 0 && len(d.Salt) < 16:
		return errors.New("hashes need a salt of 16 bytes or more")
	}
	for i, t := range d.Terms {
		if n := len(strings.TrimSpace(t)); n < 2 || n != len(t) || n > 200 {
			return fmt.Errorf("terms[%d]: 2 to 200 bytes, without white space around them", i)
		}
	}
	for i, h := range d.Hashes {
		if b, err := hex.DecodeString(h); err != nil || len(b) != 32 {
			return fmt.Errorf("hashes[%d]: 64 hexadecimal digits are wanted", i)
		}
	}
	return nil
}
