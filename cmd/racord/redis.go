package main

import (
	"crypto/tls"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"

	"racord/config"
)

// redisOptions turns the configuration into a single, Sentinel or Cluster
// client's options.
func redisOptions(conf config.Redis) (*redis.UniversalOptions, error) {
	options := &redis.UniversalOptions{Addrs: conf.Addresses, MasterName: conf.Master, Username: conf.Username}
	if conf.PasswordFile != "" {
		password, err := os.ReadFile(conf.PasswordFile)
		if err != nil {
			return nil, err
		}
		options.Password = strings.TrimSpace(string(password))
	}
	if conf.TLS {
		options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return options, nil
}
