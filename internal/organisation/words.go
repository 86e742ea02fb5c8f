package organisation

import "strings"

// Words say what happened to an account: "role changed from user to admin". They quote names as records have them.
func (e *AccountEvent) Words() string {
	with := func(s, before, value string) string {
		if value == "" {
			return s
		}
		return s + before + value
	}
	detail, was := spaced(e.Detail), spaced(e.Was)
	switch e.What {
	case WhatJoined:
		return "joined"
	case WhatLeft:
		return "left or was removed"
	case WhatInvited:
		return with("was invited", " as ", detail)
	case WhatRole:
		return with(with("role changed", " from ", was), " to ", detail)
	case WhatSeat:
		return with(with("seat changed", " from ", was), " to ", detail)
	case WhatGroup:
		return with("joined a group", ": ", e.Detail)
	case WhatInGroup:
		return with("was listed in a group", ": ", e.Detail)
	case WhatGroupLeft:
		return with("left a group", ": ", e.Detail)
	case WhatCustom:
		return with("was given a custom role", ": ", e.Detail)
	case WhatCustomEnd:
		return with("lost a custom role", ": ", e.Detail)
	case WhatEmail:
		return with(with("address changed", " from ", e.Was), " to ", e.Detail)
	case WhatListed:
		return with("was listed in the directory", " as ", detail)
	case WhatGone:
		return "is no longer in the directory"
	case WhatReturned:
		return with("is in the directory again", " as ", detail)
	case WhatOwner:
		return with("became primary owner", ", after ", e.Was)
	}
	return with("changed", ": ", detail)
}

// spaced reads a word of the vendor's.
func spaced(s string) string { return strings.ReplaceAll(s, "_", " ") }
