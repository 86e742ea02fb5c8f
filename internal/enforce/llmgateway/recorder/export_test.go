package recorder

import "time"

// DrainFor sets how long a recorder waits at its end for a journal that refuses.
func DrainFor(r *Recorder, d time.Duration) { r.drainFor = d }
