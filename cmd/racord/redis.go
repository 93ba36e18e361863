package main

import (
	"crypto/tls"
	"os"
	"strings"

	"racord/adapters/rediscache"
	"racord/config"
	"racord/hub"
)

// redisServers turns the configuration into the servers of a single Redis, of
// Sentinels or of a Cluster.
func redisServers(conf config.Redis) (rediscache.Servers, error) {
	servers := rediscache.Servers{
		Addrs: conf.Addresses, Master: conf.Master, Username: conf.Username,
		Cluster: conf.Master == "" && len(conf.Addresses) > 1,
	}
	if conf.PasswordFile != "" {
		password, err := os.ReadFile(conf.PasswordFile)
		if err != nil {
			return servers, err
		}
		servers.Password = hub.NewSecret(strings.TrimSpace(string(password)))
	}
	if conf.TLS {
		servers.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return servers, nil
}
