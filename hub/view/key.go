package view

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"racord/hub"
)

// names remembers the cache keys it made, because a keyed hash costs more than
// all the rest of a warm view. It lives and dies with the process.
type names struct {
	keys  *hub.Keys
	made  sync.Map // named → hub.PageKey
	count atomic.Int64
}

// named is what a key stands for.
type named struct {
	creditor hub.Name
	version  int
	term     hub.Term
	scheme   hub.Scheme // "" for an account
	value    string
}

// mostNames bounds what is remembered; past it, everything is forgotten.
const mostNames = 200_000

// key names the answer to a question in the caches. Two parties who linked the
// same account share it; two versions of a connector never do, nor what one said
// before a quarantine and after it.
func (n *names) key(creditor hub.Name, version int, term hub.Term, asked hub.Asked) hub.PageKey {
	of := named{creditor, version, term, asked.Identifier.Scheme, asked.Identifier.Value}
	if asked.ByAccount() {
		of = named{creditor, version, term, "", asked.Account.Code}
	}
	if key, ok := n.made.Load(of); ok {
		return key.(hub.PageKey)
	}
	key := hub.PageKey(n.keys.Pseudonym(of.source(), string(of.scheme), of.value))
	if n.count.Add(1) > mostNames {
		n.made.Clear()
		n.count.Store(0)
	}
	n.made.Store(of, key)
	return key
}

// source names the connector that answers, and when.
func (n named) source() string {
	name := string(n.creditor)
	if n.version != 0 {
		name += "@" + strconv.Itoa(n.version)
	}
	if n.term != (hub.Term{}) {
		name += fmt.Sprintf("#%d.%d", n.term.Version, n.term.Creditor)
	}
	return name
}
