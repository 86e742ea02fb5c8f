package file

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Config is the section `file` of a sink.
type Config struct {
	// Path is the file that is written to, one item a line. Those before it are beside it, with the time of their end in their
	// names.
	Path string `yaml:"path"`
	// RotateBytes is the size at which a new file is begun; 0: 128 MiB.
	RotateBytes int64 `yaml:"rotate_bytes"`
	// RotateDaily begins a new file each day, UTC, too.
	RotateDaily bool `yaml:"rotate_daily"`
	// Keep is how many finished files stay; 0: all of them.
	Keep int `yaml:"keep"`
}

// Validate gathers every problem.
func (c *Config) Validate() error {
	var errs []error
	if !filepath.IsAbs(c.Path) {
		errs = append(errs, fmt.Errorf("path: %q is not absolute", c.Path))
	}
	if c.RotateBytes != 0 && c.RotateBytes < 1<<20 {
		errs = append(errs, fmt.Errorf("rotate_bytes: %d is less than 1 MiB", c.RotateBytes))
	}
	if c.Keep < 0 {
		errs = append(errs, errors.New("keep: is less than 0"))
	}
	return errors.Join(errs...)
}
