package main

import (
	"io"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/export"
	"github.com/tripod-audit/tripod/internal/forward/ecs"
	"github.com/tripod-audit/tripod/internal/forward/ocsf"
	"github.com/tripod-audit/tripod/internal/reading"
)

// format writes a record as an event of somebody else's schema.
type format = func(dst []byte, seq uint64, r *audit.Record) ([]byte, error)

func formats() map[string]format {
	return map[string]format{"ocsf": ocsf.Append, "ocsf-1.8.0": ocsf.Append180, "ecs": ecs.Append}
}

// events prints one event a line. What stands at a position without a record is none.
func events(write format) export.Form {
	return func(w io.Writer) (func(*reading.Item) error, error) {
		var line []byte
		return func(i *reading.Item) (err error) {
			if i.Record == nil {
				return nil
			}
			if line, err = write(line[:0], i.Seq, i.Record); err != nil {
				return err
			}
			_, err = w.Write(append(line, '\n'))
			return err
		}, nil
	}
}
