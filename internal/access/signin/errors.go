package signin

import "errors"

// Why somebody was not let in. Their texts are for people, and tell a stranger nothing.
var (
	// ErrOver: the local administrator is no more, since one signs in at the identity provider.
	ErrOver = errors.New("the local administrator ended when the first administrator signed in at the identity provider: " +
		"sign in there, or set access.bootstrap: true in the configuration and restart, which is recorded")
	// ErrNobody: a link, sign-in or token is unknown, used, too old or ended. Which, is told to nobody.
	ErrNobody = errors.New("it is unknown, used, too old or ended")
	// ErrNoRole: somebody proved who they are, and has no role here.
	ErrNoRole = errors.New("no role here is given to you or to a group of yours: ask an administrator of Tripod, who maps groups to roles under access.roles")
	// ErrOther: somebody else came back from a sign-in than who had to.
	ErrOther = errors.New("somebody else signed in than who is here: sign out first")
	// ErrNotFresh: the identity provider does not vouch for a fresh sign-in.
	ErrNotFresh = errors.New("this needs a fresh sign-in")
	// ErrTooMany: too many were refused lately.
	ErrTooMany = errors.New("too many attempts were refused: wait a minute")
	// ErrProvider: the identity provider cannot be asked, or what it answers cannot be believed. Health and the log say why.
	ErrProvider = errors.New("the identity provider cannot be asked, or its answer cannot be believed: try again; the log says why")
	// ErrDeclined: the identity provider turned somebody away.
	ErrDeclined = errors.New("the identity provider did not sign you in")
	// ErrNoProvider: no identity provider is configured.
	ErrNoProvider = errors.New("no identity provider is configured: set access.oidc")
	// ErrUnrecorded: what cannot be recorded does not happen.
	ErrUnrecorded = errors.New("it could not be recorded, and so did not happen")
)
