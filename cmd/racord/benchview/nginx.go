package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// answer is what the hub said to one citizen: the very bytes nginx is given to
// cache.
type answer struct {
	header http.Header
	etag   string
	body   []byte
}

// origin serves one of the hub's answers again, for nginx to fill its cache
// from.
type origin struct {
	address string
	server  *http.Server
}

func openOrigin(a answer) (*origin, error) {
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	routes := http.NewServeMux()
	routes.HandleFunc("GET "+viewPath, func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range a.header {
			w.Header()[name] = values
		}
		_, _ = w.Write(a.body)
	})
	o := &origin{address: door.Addr().String(), server: &http.Server{Handler: routes, ReadHeaderTimeout: 5 * time.Second}}
	go func() { _ = o.server.Serve(door) }() // ends with close
	return o, nil
}

func (o *origin) close() { _ = o.server.Close() }

// nginxConf is nginx at its best: one page in the cache, whoever asks, open
// files remembered, no access log, long connections, a worker a core.
const nginxConf = `
worker_processes auto;
daemon off;
pid %[1]s/nginx.pid;
error_log stderr error;
events { worker_connections 2048; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  open_file_cache max=1000 inactive=300s;
  open_file_cache_valid 300s;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  proxy_cache_path %[1]s/cache levels=1:2 keys_zone=views:20m inactive=2h use_temp_path=off;
  server {
    listen %[2]s backlog=1024;
    location / {
      proxy_pass http://%[3]s;
      proxy_cache views;
      proxy_cache_key $uri;
      proxy_cache_valid 200 2h;
      proxy_ignore_headers Cache-Control Expires Vary;
    }
  }
}
`

// startNginx runs nginx with a proxy_cache in front of the origin.
func startNginx(ctx context.Context, dir string, from *origin) (*process, string, error) {
	program, err := lookUp("nginx")
	if err != nil {
		return nil, "", err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, "", err
	}
	home, conf := filepath.Join(dir, "nginx"), filepath.Join(dir, "nginx.conf")
	if err := os.MkdirAll(home, 0o711); err != nil {
		return nil, "", err
	}
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, home, ports[0], from.address), 0o600); err != nil {
		return nil, "", err
	}
	p, err := start(dir, "nginx", program, "-c", conf, "-p", home)
	if err != nil {
		return nil, "", err
	}
	if err := p.listening(ctx, ports[0]); err != nil {
		p.stop()
		return nil, "", err
	}
	return p, "http://" + ports[0], nil
}
