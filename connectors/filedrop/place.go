package filedrop

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"racord/hub"
)

// place is the folder that files are dropped in.
type place interface {
	// list gives what is in the folder.
	list(ctx context.Context) ([]entry, error)
	// open gives a file's content and its size in bytes.
	open(ctx context.Context, name string) (io.ReadCloser, int64, error)
	// put writes a file under a name that nobody reads, and then gives it its own.
	// An error is Certain when it surely has not got it.
	put(ctx context.Context, name string, content []byte) error
	// beside is another folder, to be closed before this one, which may end with it.
	beside(directory string) (place, error)
	Close() error
}

// entry is a file in a folder.
type entry struct {
	name    string
	changed time.Time // when it was last written, by the clock of whoever keeps the folder
}

// unfinished is what is added to the name of a file that is being written.
const unfinished = ".part"

// folder is a place on this machine. Names cannot lead out of it.
type folder struct{ root *os.Root }

var _ place = folder{}

func openFolder(path string) (place, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, hub.Wrap(hub.CodeUnavailable, err, "The folder of the creditor's files cannot be read.")
	}
	return folder{root}, nil
}

func (f folder) beside(directory string) (place, error) { return openFolder(directory) }

func (f folder) list(context.Context) (all []entry, err error) {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return nil, hub.Wrap(hub.CodeUnavailable, err, "The folder of the creditor's files cannot be read.")
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // it is gone since
		}
		all = append(all, entry{e.Name(), info.ModTime()})
	}
	return all, nil
}

func (f folder) open(_ context.Context, name string) (io.ReadCloser, int64, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, 0, lost(err)
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, errors.Join(lost(err), file.Close())
	}
	return file, info.Size(), nil
}

func (f folder) put(_ context.Context, name string, content []byte) error {
	err := f.root.WriteFile(name+unfinished, content, 0o644)
	if err == nil {
		err = f.root.Rename(name+unfinished, name)
	}
	if err != nil {
		return hub.NotDone(hub.Wrap(hub.CodeUnavailable, err, "A file for the creditor cannot be written."))
	}
	return nil
}

func (f folder) Close() error { return f.root.Close() }

// lost is the failure of a file that was listed and cannot be read.
func lost(err error) error {
	return hub.Wrap(hub.CodeUnavailable, err, "A file of the creditor cannot be read.")
}
