package retention

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/erasure"
)

// What a class keeps for a period, and what goes when it is over.
type What string

// The parts. A record goes with its content; content goes alone, and the record that refers to it stays.
const (
	Records What = "record"
	Details What = "detail" // content of the class detail: titles, names of files, commands
	Texts   What = "text"   // content of the class text: prompts, replies, bodies
)

// Class is one class of retention. Of the classes for one part, the first that matches a record decides.
type Class struct {
	// Name names it in records and reports.
	Name string `yaml:"name" json:"class"`
	// Sources, Surfaces and Activities say which records it is for; an empty list matches all, but Tripod's own records only
	// where sources names tripod.
	Sources    []audit.Source   `yaml:"sources" json:"sources,omitempty"`
	Surfaces   []audit.Surface  `yaml:"surfaces" json:"surfaces,omitempty"`
	Activities []audit.Activity `yaml:"activities" json:"activities,omitempty"`
	// What goes: record, detail or text.
	What What `yaml:"what" json:"what"`
	// Keep is for how long since it was recorded: 6y, 18mo, 30d; 0 is for ever.
	Keep Period `yaml:"keep" json:"keep"`
	// Basis is why for so long: a law, a contract, a policy.
	Basis string `yaml:"basis" json:"basis"`
	// Owner answers for the class.
	Owner string `yaml:"owner" json:"owner"`
	// Statutory says that a law asks for the period: until it is over, no order erases what the class keeps.
	Statutory bool `yaml:"statutory" json:"statutory,omitempty"`
}

// Config lists the classes. Without any, everything is kept for ever.
type Config struct {
	Classes []Class `yaml:"classes"`
	// WarnBefore is how long before evidence disappears elsewhere, and is not held here, that is a matter of health; default 7d.
	WarnBefore Period `yaml:"warn_before"`
}

// Warning is WarnBefore, or the default of a week.
func (c Config) Warning() time.Duration {
	const day = 24 * time.Hour
	if c.WarnBefore.Forever() {
		return 7 * day
	}
	return time.Duration(c.WarnBefore.Months*30+c.WarnBefore.Days) * day
}

// Validate gathers every problem.
func (c Config) Validate() error {
	var errs []error
	seen := make(map[string]bool)
	for i, class := range c.Classes {
		where := fmt.Sprintf("retention.classes[%d]", i)
		bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(where+format, args...)) }
		if class.Name == "" || seen[class.Name] {
			bad(".name: each class has a name of its own")
		}
		seen[class.Name] = true
		if !slices.Contains([]What{Records, Details, Texts}, class.What) {
			bad(".what is %q: it is record, detail or text", class.What)
		}
		if class.Basis == "" || class.Owner == "" {
			bad(": name the basis of the period and the owner who answers for it")
		}
		for _, s := range class.Sources {
			if !slices.Contains(audit.Sources(), s) {
				bad(".sources: there is no source %q", s)
			}
		}
		for _, a := range class.Activities {
			if !slices.Contains(audit.Activities(), a) {
				bad(".activities: there is no activity %q", a)
			}
		}
		if class.Keep.Forever() && class.Statutory {
			bad(": a statutory class has a period that ends")
		}
		if slices.Contains(class.Sources, audit.SourceTripod) && class.What != Records {
			bad(": of Tripod's own records only whole ones go, and of those only such as vouch for nothing else")
		}
	}
	return errors.Join(errs...)
}

// digest changes whenever a class does.
func (c Config) digest() string {
	b, _ := json.Marshal(c.Classes) // strings and numbers alone
	return fmt.Sprintf("%x", sha256.Sum256(b))[:16]
}

// Ends reports whether anything ever goes.
func (c Config) Ends() bool { return !c.idle() }

// idle reports whether nothing ever goes.
func (c Config) idle() bool {
	return !slices.ContainsFunc(c.Classes, func(c Class) bool { return !c.Keep.Forever() })
}

// matches reports whether a class is for a record.
func (c *Class) matches(r *audit.Record) bool {
	if r.Source == audit.SourceTripod && (!slices.Contains(c.Sources, audit.SourceTripod) || !erasure.Expendable(r.Type)) {
		return false
	}
	return (len(c.Sources) == 0 || slices.Contains(c.Sources, r.Source)) &&
		(len(c.Surfaces) == 0 || slices.Contains(c.Surfaces, r.Surface)) &&
		(len(c.Activities) == 0 || slices.Contains(c.Activities, r.Activity))
}

// Period is a length of time by the calendar. The zero Period is for ever.
type Period struct {
	Months, Days int
}

// Forever reports whether it never ends.
func (p Period) Forever() bool { return p == Period{} }

// After is when the period that begins at t is over.
func (p Period) After(t time.Time) time.Time { return t.AddDate(0, p.Months, p.Days) }

func (p Period) String() string {
	switch {
	case p.Forever():
		return "0"
	case p.Days > 0:
		return strconv.Itoa(p.Days) + "d"
	case p.Months%12 == 0:
		return strconv.Itoa(p.Months/12) + "y"
	}
	return strconv.Itoa(p.Months) + "mo"
}

// MarshalText writes what UnmarshalText reads.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// mostYears bounds a period, so that no date overflows.
const mostYears = 200

// UnmarshalText reads 6y, 18mo, 30d or 0.
func (p *Period) UnmarshalText(b []byte) error {
	s := strings.TrimSpace(string(b))
	*p = Period{}
	if s == "0" {
		return nil
	}
	digits := strings.TrimRight(s, "ymod")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > mostYears*366 {
		return fmt.Errorf("period %q: write years, months or days as 6y, 18mo or 30d, or 0 for ever", s)
	}
	switch s[len(digits):] {
	case "y":
		p.Months = 12 * n
	case "mo":
		p.Months = n
	case "d":
		p.Days = n
	default:
		return fmt.Errorf("period %q: write years, months or days as 6y, 18mo or 30d, or 0 for ever", s)
	}
	if p.Months > 12*mostYears {
		return fmt.Errorf("period %q: write 0 for ever", s)
	}
	return nil
}
