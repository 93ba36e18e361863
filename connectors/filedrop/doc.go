// Package filedrop reads creditors that drop files every night, on an SFTP
// server or in a folder of this machine. A delivery is one day's files of all
// branches, each beside a marker with its SHA-256; it counts only when all are
// there and hashes and control lines fit. A damaged line is refused alone, with
// its number; a damaged file refuses the delivery. However long a file is, the
// memory it takes is the same.
package filedrop
