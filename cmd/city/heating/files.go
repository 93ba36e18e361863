package heating

import (
	"context"
	"io"
	"net"
	"os"
	"path"
	"time"

	"github.com/pkg/sftp"

	"racord/cmd/city/gate"
)

// files is the file system one session sees: /out to read, /in to write.
type files struct {
	archive *Archive
	conn    net.Conn
	cut     bool // the connection is closed as soon as a file is read, to lose the answer
	ctx     context.Context
}

// Fileread opens a file.
func (f files) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	found, ok := f.archive.find(path.Clean(r.Filepath))
	if !ok {
		return nil, os.ErrNotExist
	}
	if f.cut {
		_ = f.conn.Close()
	}
	return content{found.content(), found.endless}, nil
}

// Filewrite begins a file in /in.
func (f files) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	name, ok := inboxName(r.Filepath)
	if !ok {
		return nil, os.ErrPermission
	}
	var into *upload
	err := f.act(func() (err error) {
		into, err = f.archive.inbox.create(name, f.archive.clock.Now())
		return err
	})
	return into, err
}

// Filecmd renames and removes in /in; what else callers ask for changes
// nothing.
func (f files) Filecmd(r *sftp.Request) error {
	name, ok := inboxName(r.Filepath)
	if !ok {
		return os.ErrPermission
	}
	switch r.Method {
	case "Rename", "PosixRename":
		to, ok := inboxName(r.Target)
		if !ok {
			return os.ErrPermission
		}
		return f.act(func() error { return f.archive.inbox.rename(name, to, f.archive.clock.Now()) })
	case "Remove":
		return f.act(func() error { return f.archive.inbox.remove(name) })
	case "Setstat": // times and modes, which clients set after an upload
		return nil
	default:
		return os.ErrPermission
	}
}

// PosixRename renames over what is there.
func (f files) PosixRename(r *sftp.Request) error { return f.Filecmd(r) }

func inboxName(at string) (name string, ok bool) {
	folder, name := path.Split(path.Clean(at))
	return name, folder == "/in/"
}

// act does one step of an upload, or meets a fault of payments.
func (f files) act(do func() error) error {
	fault, _ := f.archive.gate.DrawPost()
	switch fault.Kind {
	case gate.Down:
		_ = f.conn.Close()
		return os.ErrClosed
	case gate.Refuse503, gate.RateLimited, gate.Maintenance, gate.Auth, gate.LoginPage:
		return os.ErrPermission
	case gate.Hang:
		wait(f.ctx, fault.DelayOr(30*time.Second))
	}
	err := do()
	switch fault.Kind {
	case gate.LostSilence:
		wait(f.ctx, fault.DelayOr(30*time.Second))
		_ = f.conn.Close()
	case gate.LostAnswer:
		_ = f.conn.Close()
	}
	return err
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Filelist lists a folder or describes a file.
func (f files) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	at := path.Clean(r.Filepath)
	switch r.Method {
	case "List":
		return f.list(at)
	case "Stat", "Lstat":
		return f.stat(at)
	default:
		return nil, os.ErrPermission
	}
}

func (f files) list(at string) (sftp.ListerAt, error) {
	switch at {
	case "/":
		return listing{folder("in"), folder("out")}, nil
	case "/in":
		var all listing
		for _, one := range f.archive.inbox.list() {
			all = append(all, describe(one))
		}
		return all, nil
	case "/out":
		var all listing
		for _, one := range f.archive.files() {
			all = append(all, describe(one))
		}
		return all, nil
	default:
		return nil, os.ErrNotExist
	}
}

func (f files) stat(at string) (sftp.ListerAt, error) {
	if at == "/" || at == "/out" || at == "/in" {
		return listing{folder(path.Base(at))}, nil
	}
	found, ok := f.archive.find(at)
	if !ok {
		return nil, os.ErrNotExist
	}
	return listing{describe(found)}, nil
}

// listing is a directory in one piece.
type listing []os.FileInfo

// ListAt copies entries from an offset.
func (l listing) ListAt(into []os.FileInfo, from int64) (int, error) {
	if from >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(into, l[from:])
	if n < len(into) {
		return n, io.EOF
	}
	return n, nil
}

// info describes a file or a folder.
type info struct {
	name string
	size int64
	mode os.FileMode
	time time.Time
}

func folder(name string) info { return info{name: name, mode: os.ModeDir | 0o555} }

func describe(f file) info {
	size := int64(len(f.content()))
	if f.endless {
		size += floodSize
	}
	return info{f.name, size, 0o444, f.made}
}

// Name is the last part of the path.
func (i info) Name() string { return i.name }

// Size is in bytes.
func (i info) Size() int64 { return i.size }

// Mode tells files from folders; nothing is writable.
func (i info) Mode() os.FileMode { return i.mode }

// ModTime is the virtual time the file was made.
func (i info) ModTime() time.Time { return i.time }

// IsDir tells folders.
func (i info) IsDir() bool { return i.mode.IsDir() }

// Sys is nothing.
func (i info) Sys() any { return nil }

// floodSize is how much follows a file that does not end: 256 MiB.
const floodSize = 256 << 20

// content reads a file, and blanks after it when it is endless.
type content struct {
	bytes   []byte
	endless bool
}

// ReadAt copies from an offset.
func (c content) ReadAt(into []byte, from int64) (int, error) {
	n := 0
	if from < int64(len(c.bytes)) {
		n = copy(into, c.bytes[from:])
	}
	if n == len(into) {
		return n, nil
	}
	if !c.endless || from > floodSize {
		return n, io.EOF
	}
	for i := range into[n:] {
		into[n+i] = ' '
	}
	return len(into), nil
}
