package filedrop

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"racord/connectors"
	"racord/hub"
)

// Kind is the nightly file drop. The call pull maps one line to one debt; its
// paths are the columns of the table. Postings are lines of a file that is put
// beside; the creditor's confirmation says what was booked of it.
var Kind = connectors.Define("filedrop", "Nightly files on an SFTP server or in a folder, one line a debt.",
	defaults, open, connectors.Calls[struct{}](connectors.CallPull),
	connectors.Calls[Upload](connectors.CallPost), connectors.Calls[Confirmation](connectors.CallFind), connectors.PaysByFile(), connectors.LooksUp())

// Settings are what a manifest says about the files.
type Settings struct {
	SFTP      *SFTP    `json:"sftp" doc:"Server the files are on. Without it they are in a folder of this machine, which only the operator's own manifests may name."`
	Directory string   `json:"directory" doc:"Folder of the files." required:"true"`
	Files     string   `json:"files" doc:"Name of a file: {date} stands for the day as YYYYMMDD, {branch} for the branch." required:"true"`
	Branches  []string `json:"branches" doc:"Branches; a delivery holds a file of each."`
	Marker    string   `json:"marker" doc:"What is added to a file's name for the marker, which is written after the file and holds its SHA-256 in hex."`
	Unchanged string   `json:"unchanged" doc:"Whether a delivery may be the same as yesterday's. A file of 200 lines and more never is; smaller ones may be as long as another file changed. Accept it only where nothing may happen for a day." enum:"refuse|accept"`
	MaxMB     int      `json:"max_mb" doc:"The most megabytes of a file." min:"1" max:"4096"`
	Table     Table    `json:"table" doc:"How a file is written." required:"true"`
}

// SFTP is how the server is reached.
type SFTP struct {
	Address  string                `json:"address" doc:"host:port." required:"true"`
	User     connectors.SecretName `json:"user" doc:"Secret with the user's name." required:"true"`
	Password connectors.SecretName `json:"password" doc:"Secret with the password; or say key."`
	Key      connectors.SecretName `json:"key" doc:"Secret with a private key in OpenSSH or PEM form; or say password."`
	HostKey  string                `json:"host_key" doc:"The server's public key as a line of authorized_keys. No other server is talked to." required:"true"`
}

// Table is how a file is written.
type Table struct {
	Charset   string   `json:"charset" doc:"Code page the creditor declares. A file that is clearly in another one is read in that, and says so." enum:"windows-1250|iso-8859-2|cp852|utf-8"`
	Delimiter string   `json:"delimiter" doc:"One character between cells." enum:";|,|\t"`
	Columns   []string `json:"columns" doc:"The first line, exactly; the names are what the map's paths say." required:"true"`
	Control   *Control `json:"control" doc:"The last line, which repeats how much the file holds."`
}

// Control is the line that says how much a file holds.
type Control struct {
	Mark   string   `json:"mark" doc:"First cell of the line." required:"true"`
	Rows   string   `json:"rows" doc:"Column in which the number of lines stands." required:"true"`
	Sums   []string `json:"sums" doc:"Columns in which the sums of the same columns stand."`
	Amount string   `json:"amount" doc:"How amounts are written." enum:"money_ro|money_decimal|bani"`
}

var defaults = Settings{
	Marker: ".ok", Unchanged: "refuse", MaxMB: 64,
	Table: Table{Charset: "windows-1250", Delimiter: ";"},
}

// Check finds what cannot work.
func (s Settings) Check(report func(field, problem string)) {
	p, ok := parsePattern(s.Files)
	switch {
	case !ok:
		report("files", "needs {date} once, {branch} at most once, and no folder")
	case p.branch != (len(s.Branches) > 0):
		report("branches", "files says {branch} exactly when there are branches")
	}
	if s.Marker == "" || strings.ContainsAny(s.Marker, "/\\") {
		report("marker", "needs an ending such as .ok")
	}
	for i, b := range s.Branches {
		if b == "" || strings.ContainsAny(b, "/\\") || slices.Contains(s.Branches[:i], b) {
			report("branches", "a branch is a word, and stands once")
		}
	}
}

// Check finds what cannot work.
func (s SFTP) Check(report func(field, problem string)) {
	if (s.Password == "") == (s.Key == "") {
		report("password", "needs exactly one of password, key")
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey)); err != nil {
		report("host_key", "not a public key; write a line of authorized_keys: ssh-ed25519 AAAA…")
	}
}

// Check finds what cannot work.
func (t Table) Check(report func(field, problem string)) {
	for i, name := range t.Columns {
		if slices.Contains(t.Columns[:i], name) {
			report("columns", "two columns are called "+name)
		}
	}
	if t.Control == nil {
		return
	}
	for _, name := range append([]string{t.Control.Rows}, t.Control.Sums...) {
		if !slices.Contains(t.Columns, name) {
			report("control", "there is no column "+name)
		}
	}
}

func open(_ context.Context, env connectors.Env, m *connectors.Manifest, s Settings) (*hub.Connector, error) {
	if s.SFTP == nil && !env.LocalFiles {
		return nil, hub.Errorf(hub.CodeUnsupported, "Only the operator's own manifests may read folders of this machine.")
	}
	p, _ := parsePattern(s.Files) // Check has seen it
	f := &feed{env: env, manifest: m, settings: s, pattern: p, traits: m.Traits, table: tableOf(s.Table)}
	c := m.Connector()
	c.Feed, c.Probe = f, f
	if post, find := m.Calls[connectors.CallPost], m.Calls[connectors.CallFind]; post != nil { // then there is find
		booked := newConfirmations(f, find, post)
		c.Sink, c.Finder, c.LotFinder = &outbox{feed: f, call: connectors.RequestOf[Upload](post)}, booked, booked
	}
	return c, nil
}
