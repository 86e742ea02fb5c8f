package reading

// Bound gives a reader other bounds, in bytes.
func (r *Reader) Bound(page, session int) *Reader {
	r.pageBytes, r.sessionBytes = page, session
	return r
}
