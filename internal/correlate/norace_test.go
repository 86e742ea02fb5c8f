//go:build !race

package correlate

const seeds = 200
