package page

// Overview is what the first page shows.
type Overview struct{}
