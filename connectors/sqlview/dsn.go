package sqlview

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"racord/hub"
)

func isPostgres(dsn hub.Secret) bool {
	return strings.HasPrefix(dsn.Reveal(), "postgres://") || strings.HasPrefix(dsn.Reveal(), "postgresql://")
}

// parsePostgres reads postgres://user:password@host:port/database, after which
// only ?sslmode= may follow, and in the operator's own manifests the files of
// TLS. The driver understands far more, which is not the creditor's to ask:
// another host, and any file of this machine.
func parsePostgres(dsn hub.Secret, own bool) (*pgx.ConnConfig, error) {
	u, err := url.Parse(dsn.Reveal())
	if err != nil || !isPlain(u) {
		return nil, badDSN()
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, badDSN()
	}
	words := wordsOf(u)
	for key, values := range query {
		if !mayFollow(key, own) || len(values) != 1 {
			return nil, badDSN()
		}
		words[key] = values[0]
	}
	conf, err := pgx.ParseConfig(written(words))
	if err != nil {
		return nil, badDSN() // the library's error repeats the password
	}
	return conf, nil
}

// isPlain tells whether a location names one host, a user and a database.
func isPlain(u *url.URL) bool {
	return u.Hostname() != "" && !strings.ContainsAny(u.Hostname(), `,/\`) && u.User.Username() != "" && len(u.Path) > 1 && u.Fragment == ""
}

func mayFollow(key string, own bool) bool {
	return key == "sslmode" || own && slices.Contains([]string{"sslrootcert", "sslcert", "sslkey"}, key)
}

// wordsOf gives a location in the driver's words. It says all that the driver
// would otherwise take from the environment, the home directory or a service
// file of this process: passwords and keys there are not for this server.
func wordsOf(u *url.URL) map[string]string {
	password, _ := u.User.Password()
	return map[string]string{
		"host": u.Hostname(), "port": cmp.Or(u.Port(), "5432"), "dbname": strings.TrimPrefix(u.Path, "/"),
		"user": u.User.Username(), "password": password, "passfile": "", "connect_timeout": "0",
		"sslmode": "prefer", "sslrootcert": "", "sslcert": "", "sslkey": "", "sslpassword": "",
		"sslcertmode": "allow", "sslsni": "1", "sslnegotiation": "", "krbspn": "", "krbsrvname": "",
		"target_session_attrs": "any", "require_auth": "", "channel_binding": "prefer",
		"min_protocol_version": "", "max_protocol_version": "",
	}
}

// written spells words as key='value' (PostgreSQL, libpq, "Keyword/Value Connection Strings").
func written(words map[string]string) string {
	var b strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for key, value := range words {
		b.WriteString(key + "='" + quote.Replace(value) + "' ")
	}
	return b.String()
}

func badDSN() error {
	return hub.Errorf(hub.CodeInvalid, "The secret that names the database is not postgres://user:password@host:port/database, after which only ?sslmode= may follow.")
}
