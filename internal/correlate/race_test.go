//go:build race

package correlate

// seeds is how many worlds are simulated: fewer under the race detector, which cannot find more in more of them.
const seeds = 20
