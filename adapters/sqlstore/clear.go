package sqlstore

import (
	"context"
	"slices"
)

// numbered are columns of numbers that providers gave. Some of those have the form
// of a personal code by chance.
var numbered = []string{"ref", "event"}

// EachClear gives the texts that rest unsealed and have thirteen digits or more side
// by side.
func (s *Store) EachClear(ctx context.Context, each func(table, column, text string) error) error {
	var places [][2]string
	err := s.each(ctx, s.read, func(row Scanner) error {
		var place [2]string
		err := row.Scan(&place[0], &place[1])
		if !slices.Contains(numbered, place[1]) {
			places = append(places, place)
		}
		return err
	}, s.engine.Words().Texts)
	for i := 0; i < len(places) && err == nil; i++ {
		err = s.eachClear(ctx, places[i][0], places[i][1], each)
	}
	return err
}

// eachClear looks through one column.
func (s *Store) eachClear(ctx context.Context, table, column string, each func(table, column, text string) error) error {
	return s.still(ctx, func(db asker) error {
		return s.each(ctx, db, func(row Scanner) error {
			var text string
			if err := row.Scan(&text); err != nil {
				return err
			}
			return each(table, column, text)
		}, `SELECT "`+column+`" FROM "`+table+`" WHERE "`+column+`"`+s.engine.Words().Digits)
	})
}
