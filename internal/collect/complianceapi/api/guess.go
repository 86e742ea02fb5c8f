package api

import "math"

// guess follows a limit that nobody tells. A refusal shows what was used of the server's window, which is too little where
// others used it as well, or where we came late in it: so the limit is raised again while nobody refuses, and looked for
// above the one found the less often, the more often it was confirmed.
type guess struct {
	refused bool // in this window
	quiet   int  // windows since without a refusal
	hold    int  // of them before the limit is raised; 0 where nothing was refused yet
}

const (
	unknown  = math.MaxInt32 // as large as any use
	least    = 10            // the smallest limit a window is thought to have
	mostHold = 10            // windows
)

// next is the limit of a window that begins.
func (g *guess) next(limit int) int {
	if g.refused || g.hold == 0 {
		g.refused = false
		return limit
	}
	if g.quiet++; g.quiet < g.hold {
		return limit
	}
	return limit + min(limit, unknown-limit)
}

// found is the limit after a refusal where used requests of the window were served.
func (g *guess) found(limit, used int) int {
	if g.refused { // by requests that were under way: what was used is known
		return limit
	}
	used = max(least, min(limit, used))
	if again := 3*used >= limit && 3*used <= 2*limit; again && g.hold > 0 { // it was right before it was raised
		g.hold = min(2*g.hold, mostHold)
	} else {
		g.hold = 1
	}
	g.refused, g.quiet = true, 0
	return used
}

// shrink takes a refusal for the end of the window's budget: what was used of it is about all there is.
func (b *Budget) shrink() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = b.guess.found(b.limit, b.limit-b.left-1)
	b.left = 0
}
