package casebook

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Config says how content is opened.
type Config struct {
	// TwoPeople says for which class somebody else must approve.
	TwoPeople TwoPeople `yaml:"two_people"`
	// Grant is how long a grant lasts at most; never above an hour.
	Grant time.Duration `yaml:"grant"`
	// Review is how soon somebody else must review who opened content alone by breaking the glass.
	Review time.Duration `yaml:"review"`
	// Privileged names groups whose members' content opens to counsel of a matter alone.
	Privileged []Privileged `yaml:"privileged"`
	// Notice tells privacy officers at once of who opened content alone.
	Notice Notice `yaml:"notice"`
}

// TwoPeople says for which class of content somebody else than who asks must approve.
type TwoPeople struct {
	Text   bool `yaml:"text"`
	Detail bool `yaml:"detail"`
}

// Privileged marks a group.
type Privileged struct {
	// Group is its name or id, as the directory, records or credentials have it.
	Group string `yaml:"group"`
	// Kind says why: works_council, legal, health or whistleblowing.
	Kind string `yaml:"kind"`
}

// Notice is a command that is run with one JSON object on its standard input.
type Notice struct {
	// Command is the program and its arguments; it is run again until it exits with 0.
	Command []string `yaml:"command"`
}

// privilegedKinds are why a group may be privileged.
var privilegedKinds = []string{"works_council", "legal", "health", "whistleblowing"}

// DefaultConfig asks for two people whatever the class.
func DefaultConfig() Config {
	return Config{TwoPeople: TwoPeople{Text: true, Detail: true}, Grant: MaxMinutes * time.Minute, Review: 72 * time.Hour}
}

// Validate gathers every problem.
func (c Config) Validate() error {
	var errs []error
	if c.Grant < time.Minute || c.Grant > MaxMinutes*time.Minute {
		errs = append(errs, fmt.Errorf("cases.grant is %s: a grant lasts from 1m to %dm", c.Grant, MaxMinutes))
	}
	if c.Review < time.Hour || c.Review > 14*24*time.Hour {
		errs = append(errs, fmt.Errorf("cases.review is %s: a review is due within 1h to 336h", c.Review))
	}
	for i, p := range c.Privileged {
		if p.Group == "" || !slices.Contains(privilegedKinds, p.Kind) {
			errs = append(errs, fmt.Errorf("cases.privileged[%d]: name a group, and of the kinds %v one", i, privilegedKinds))
		}
	}
	if len(c.Notice.Command) > 0 && c.Notice.Command[0] == "" {
		errs = append(errs, errors.New("cases.notice.command names no program"))
	}
	return errors.Join(errs...)
}

// privileged lists the kinds that some groups stand for.
func (c *Config) privileged(groups []string) []string {
	var kinds []string
	for _, p := range c.Privileged {
		if slices.Contains(groups, p.Group) && !slices.Contains(kinds, p.Kind) {
			kinds = append(kinds, p.Kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}
