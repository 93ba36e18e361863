package rediscache

import (
	"crypto/tls"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"racord/hub"
)

// Servers says where Redis is.
type Servers struct {
	Addrs    []string // host:port of the server, of the Sentinels or of some nodes
	Master   string   // the name Sentinels know it by; empty without Sentinels
	Cluster  bool     // also for a cluster that is named by one address
	Username string
	Password hub.Secret
	TLS      *tls.Config // nil = none
}

// answers is how many bytes of an answer are read at once. One to many look-ups is
// some hundred kilobytes.
const answers = 128 << 10

// Dial makes a client that gives up early and repeats nothing: a cache that has
// to be waited for is not one. A page whose slot moved to another node is missing
// once. It connects when it is first used.
func Dial(s Servers) redis.UniversalClient {
	return redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: s.Addrs, MasterName: s.Master, IsClusterMode: s.Cluster,
		Username: s.Username, Password: s.Password.Reveal(), TLSConfig: s.TLS, Dialer: dialer(s.TLS),
		ClientName: "racord", DisableIdentity: true, ReadBufferSize: answers,
		MaxRetries: -1, MaxRedirects: -1, DialerRetries: 1, DialTimeout: 10 * patience,
		ReadTimeout: patience, WriteTimeout: patience, ContextTimeoutEnabled: true,
		PoolTimeout: patience, MinIdleConns: 2, ConnMaxIdleTime: 5 * time.Minute,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}
