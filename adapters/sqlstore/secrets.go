package sqlstore

import (
	"context"
	"database/sql"

	"racord/hub"
)

const secretColumns = `creditor, name, version, kek, wrapped, sealed, fingerprint, set_at, issuer, subject`

const (
	secretAdd = `
INSERT INTO connector_secrets (` + secretColumns + `, previous) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	secretsQuery = `
SELECT ` + secretColumns + ` FROM connector_secrets WHERE creditor = $1 AND ($2 = '' OR name = $2) ORDER BY name, version DESC`
)

// PutSecret stores a new value of a name; the newest so far becomes the previous.
func (s *Store) PutSecret(ctx context.Context, creditor hub.Name, name string, seal func(version int64) (hub.SealedSecret, error)) (put hub.SealedSecret, err error) {
	err = s.within(ctx, func(tx *sql.Tx) error {
		now, err := s.engine.Lock(ctx, tx, "secrets of "+string(creditor))
		if err != nil {
			return err
		}
		var last int64
		err = tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM connector_secrets WHERE creditor = $1 AND name = $2`,
			string(creditor), name).Scan(&last)
		if err != nil {
			return err
		}
		// The time is a version that was never used, even when all were dropped.
		if put, err = seal(max(micros(now), last+1)); err != nil {
			return err
		}
		put.Creditor, put.Name, put.SetAt = creditor, name, now.UTC()
		return s.replaceSecret(ctx, tx, &put)
	})
	return put, err
}

func (s *Store) replaceSecret(ctx context.Context, tx *sql.Tx, put *hub.SealedSecret) error {
	for _, statement := range []string{
		`DELETE FROM connector_secrets WHERE creditor = $1 AND name = $2 AND previous = $3`,
		`UPDATE connector_secrets SET previous = $3 WHERE creditor = $1 AND name = $2`,
	} {
		if _, err := tx.ExecContext(ctx, statement, string(put.Creditor), put.Name, true); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, secretAdd, string(put.Creditor), put.Name, put.Version, put.KEK, put.Key, put.Value,
		put.Fingerprint, micros(put.SetAt), put.By.Issuer, put.By.Subject, false)
	return err
}

// SealedSecrets gives the slots of a name, or of all.
func (s *Store) SealedSecrets(ctx context.Context, creditor hub.Name, name string) ([]hub.SealedSecret, error) {
	return s.secrets(ctx, secretsQuery, string(creditor), name)
}

func (s *Store) secrets(ctx context.Context, query string, args ...any) (found []hub.SealedSecret, err error) {
	err = s.each(ctx, s.read, func(row Scanner) error {
		var one hub.SealedSecret
		var at int64
		err := row.Scan(&one.Creditor, &one.Name, &one.Version, &one.KEK, &one.Key, &one.Value, &one.Fingerprint, &at, &one.By.Issuer, &one.By.Subject)
		one.SetAt = moment(at)
		found = append(found, one)
		return err
	}, query, args...)
	return found, err
}

// DropSecret removes a name or its previous slot.
func (s *Store) DropSecret(ctx context.Context, creditor hub.Name, name string, previous bool) error {
	statement, args := `DELETE FROM connector_secrets WHERE creditor = $1 AND name = $2`, []any{string(creditor), name}
	if previous {
		statement, args = statement+` AND previous = $3`, append(args, true)
	}
	dropped, err := s.exec(ctx, statement, args...)
	if err == nil && dropped == 0 {
		err = hub.Errorf(hub.CodeNotFound, "There is no such secret.")
	}
	return err
}

// WrappedElsewhere gives secrets that another key-encryption key wrapped.
func (s *Store) WrappedElsewhere(ctx context.Context, kek string, most int) ([]hub.SealedSecret, error) {
	return s.secrets(ctx, `SELECT `+secretColumns+` FROM connector_secrets WHERE kek <> $1 ORDER BY creditor, name, version LIMIT $2`, kek, most)
}

// WrappedBy counts the secrets by key-encryption key.
func (s *Store) WrappedBy(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	err := s.each(ctx, s.read, func(row Scanner) error {
		var kek string
		var count int
		err := row.Scan(&kek, &count)
		counts[kek] = count
		return err
	}, `SELECT kek, count(*) FROM connector_secrets GROUP BY kek`)
	return counts, err
}

// Rewrap replaces the wrapped data key of a secret.
func (s *Store) Rewrap(ctx context.Context, one hub.SealedSecret, kek string, key []byte) error {
	_, err := s.exec(ctx, `UPDATE connector_secrets SET kek = $4, wrapped = $5 WHERE creditor = $1 AND name = $2 AND version = $3 AND kek = $6`,
		string(one.Creditor), one.Name, one.Version, kek, key, one.KEK)
	return err
}
