package capture

// EachSequence is eachSequence for tests.
func (s Scenario) EachSequence(f func(int64) int64) { s.eachSequence(f) }
