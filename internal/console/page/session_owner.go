package page

// AddOwners says whose session it is, and by which credentials or, where none has a name, devices it came.
func (s *Session) AddOwners() {
	s.Owners, s.OwnersLeft = s.T.Owners()
	if s.Credentials = s.T.Credentials(); len(s.Credentials) == 0 {
		s.Devices = s.T.Devices()
	}
}
