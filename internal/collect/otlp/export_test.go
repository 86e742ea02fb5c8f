package otlp

import "time"

// SetPatience sets how long a request waits for room. Call it before Run.
func (r *Receiver) SetPatience(d time.Duration) { r.patience = d }
