package signin

// Provider is what pages call the identity provider; "" where none is configured.
func (s *Service) Provider() string {
	if s.oidc == nil {
		return ""
	}
	return s.config().OIDC.Name
}

// Told is what may be shown of how people sign in. It holds no secret.
type Told struct {
	Config    Config
	Bootstrap bool // the local administrator signs in
}

// Told tells how people sign in just now.
func (s *Service) Told() Told {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Told{Config: s.cfg, Bootstrap: !s.isOver()}
}

// Over reports whether an administrator has signed in at an identity provider, by records alone. It is for where nothing
// decides at the same time.
func (b *Book) Over() bool { return b.over }
