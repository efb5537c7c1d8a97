package server

import (
	"cmp"
	"context"
	"slices"

	"tandem/cmd/internal/admin"
	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/location"
)

// Registrations returns the contacts that are registered with all shards, by user and in the order in which they are called.
func (s *Server) Registrations(ctx context.Context) ([]admin.Contact, error) {
	shards, err := ask(ctx, s, func(sh *engine.Shard, now clock.Time) []admin.Contact {
		var list []admin.Contact
		for _, set := range sh.Registrations() {
			for _, b := range set.Live(now) {
				list = append(list, contactOf(set.User, b, now))
			}
		}
		return list
	})
	if err != nil {
		return nil, err
	}
	list := append([]admin.Contact{}, slices.Concat(shards...)...) // a list in JSON, also of none
	slices.SortStableFunc(list, func(a, b admin.Contact) int { return cmp.Compare(a.User, b.User) })
	return list, nil
}

func contactOf(user string, b *location.Binding, now clock.Time) admin.Contact {
	return admin.Contact{
		User: user, AOR: b.AOR, Contact: b.URI, Source: b.Flow.String(), Expires: b.Left(now), Q: float64(b.Q) / 1000,
		Instance: b.Instance, RegID: b.RegID, Path: b.Path,
	}
}
