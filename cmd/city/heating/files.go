package heating

import (
	"io"
	"net"
	"os"
	"path"
	"time"

	"github.com/pkg/sftp"
)

// files is the read-only file system one session sees.
type files struct {
	archive *Archive
	cut     net.Conn // closed as soon as a file is read, to lose the answer
}

// Fileread opens a file.
func (f files) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	found, ok := f.archive.find(path.Clean(r.Filepath))
	if !ok {
		return nil, os.ErrNotExist
	}
	if f.cut != nil {
		_ = f.cut.Close()
	}
	return content{found.content(), found.endless}, nil
}

// Filewrite refuses: the server is read-only.
func (f files) Filewrite(*sftp.Request) (io.WriterAt, error) { return nil, os.ErrPermission }

// Filecmd refuses: the server is read-only.
func (f files) Filecmd(*sftp.Request) error { return os.ErrPermission }

// Filelist lists a folder or describes a file.
func (f files) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	at := path.Clean(r.Filepath)
	switch r.Method {
	case "List":
		return f.list(at)
	case "Stat":
		return f.stat(at)
	default:
		return nil, os.ErrPermission
	}
}

func (f files) list(at string) (sftp.ListerAt, error) {
	switch at {
	case "/":
		return listing{folder("out")}, nil
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
	if at == "/" || at == "/out" {
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
