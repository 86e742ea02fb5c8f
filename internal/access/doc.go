// Package access says who may do what: people, roles, rights, and the one table that names the right each page, address of
// the API and command asks for.
//
// A right is held through roles alone. Rights over content are necessary, never sufficient: content opens under a grant of
// an open case, which package casebook decides. Administrators and operators hold no right over content.
//
// Everything here is a pure function of its arguments, stores nothing, and is safe for concurrent use.
package access
