package signin

import "context"

// Sweep is what Run does every minute.
func (s *Service) Sweep(ctx context.Context) { s.sweep(ctx) }

// List lists every token.
func (b *Book) List() []*Token { return b.list() }
