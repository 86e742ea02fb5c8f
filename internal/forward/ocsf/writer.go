package ocsf

import "github.com/tripod-audit/tripod/internal/forward/jsonobject"

// writer writes the parts that events of all kinds share.
type writer struct{ jsonobject.Writer }

func newWriter(b []byte) writer { return writer{jsonobject.Writer{B: b}} }
