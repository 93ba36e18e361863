package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// buildHub compiles the real hub into dir.
func buildHub(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "racord-built")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "racord/cmd/racord").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the hub: %w: %s", err, out)
	}
	return program, nil
}

// hubSetup is what differs between the hubs that are measured.
type hubSetup struct {
	name     string
	redis    string   // address; "" = none
	postgres string   // DSN; "" = SQLite
	cacheMB  int      // of the in-process cache
	issuer   string   // URL
	asks     []string // addresses of the creditors
}

// hubConf is an operator's configuration. Limits are raised far above what one
// machine can ask; nothing else differs from a town's.
const hubConf = `listen: %[1]s
ops_listen: %[2]s
data: data
creditors: creditors
secrets: secrets
issuers:
  - url: %[3]s
    portals: [bench-portal]
cache:
  megabytes: %[4]d
limits:
  citizen_per_minute: 1000000000
  portal_per_minute: 1000000000
  in_flight: 4096
wall:
  allow: [127.0.0.0/8]
log: warn
%[5]s`

// hubServer is a running hub.
type hubServer struct {
	*process
	url, ops string
}

// startHub writes a hub's configuration and manifests to a directory of its own
// and runs it.
func startHub(ctx context.Context, dir, program string, s hubSetup) (*hubServer, error) {
	home := filepath.Join(dir, s.name)
	for _, folder := range []string{"data", "creditors"} {
		if err := os.MkdirAll(filepath.Join(home, folder), 0o700); err != nil {
			return nil, err
		}
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	if err := s.fleet(home); err != nil {
		return nil, err
	}
	more, err := s.storage(home)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(home, "racord.yaml")
	if err := os.WriteFile(conf, fmt.Appendf(nil, hubConf, ports[0], ports[1], s.issuer, s.cacheMB, more), 0o600); err != nil {
		return nil, err
	}
	p, err := start(home, s.name, program, "serve", "--config", conf)
	if err != nil {
		return nil, err
	}
	h := &hubServer{p, "http://" + ports[0], "http://" + ports[1]}
	if err := p.ready(ctx, h.ops+"/readyz"); err != nil {
		p.stop()
		return nil, err
	}
	return h, nil
}

// fleet writes the creditors' manifests and their secrets.
func (s hubSetup) fleet(home string) error {
	for i, address := range s.asks {
		name := creditors[i]
		if err := os.WriteFile(filepath.Join(home, "creditors", name+".yaml"), []byte(manifestOf(name, address)), 0o600); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(home, "secrets", name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(home, "secrets", name, name+"-key"), []byte(apiKey), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// storage is the part of the configuration that names other servers.
func (s hubSetup) storage(home string) (string, error) {
	var b strings.Builder
	if s.redis != "" {
		fmt.Fprintf(&b, "redis:\n  addresses: [%s]\n", s.redis)
	}
	if s.postgres != "" {
		fmt.Fprintf(&b, "store:\n  postgres_file: postgres.dsn\n")
		return b.String(), os.WriteFile(filepath.Join(home, "postgres.dsn"), []byte(s.postgres), 0o600)
	}
	return b.String(), nil
}

// greet asks the view of every citizen once, as a portal would, and gives the
// answers. Whatever is not a complete view is an error.
func (h *hubServer) greet(ctx context.Context, citizens []citizen) ([]answer, error) {
	answers := make([]answer, len(citizens))
	err := everybody(ctx, citizens, func(ctx context.Context, n int) (err error) {
		answers[n], err = fetch(ctx, h.url+viewPath, citizens[n].token)
		return err
	})
	return answers, err
}

// fetch asks for one view.
func fetch(ctx context.Context, url, token string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	said, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer said.Body.Close()
	body, err := io.ReadAll(said.Body)
	if err != nil {
		return answer{}, err
	}
	if said.StatusCode != http.StatusOK || !strings.Contains(string(body), `"complete":true`) {
		return answer{}, fmt.Errorf("%s answered %d: %.600s", url, said.StatusCode, body)
	}
	return answer{said.Header, said.Header.Get("ETag"), body}, nil
}
