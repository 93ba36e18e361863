package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// replica is one process of the hub, which is killed and started again at the
// same address.
type replica struct {
	s    *storm
	name string
	url  string
	ops  string
	conf string

	mu      sync.Mutex
	process *process
	alive   bool
}

func (s *storm) newReplica(n int) (*replica, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	r := &replica{s: s, name: fmt.Sprintf("hub-%d", n), url: "http://" + ports[0], ops: "http://" + ports[1], conf: fmt.Sprintf("racord-%d.yaml", n)}
	s.onClose(r.stop)
	return r, s.write(r.conf, fmt.Sprintf("listen: %s\nops_listen: %s\nreplica: %s\n%s", ports[0], ports[1], r.name, s.conf))
}

func (r *replica) start() (err error) {
	r.process, err = r.s.spawn(r.name, "ready", nil, r.s.program, "serve", "--config", filepath.Join(r.s.dir, r.conf))
	return err
}

func (r *replica) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.process != nil {
		r.process.kill()
	}
}

// ready tells whether the replica answers now.
func (r *replica) ready() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.alive
}

// compare presses the operators' button for one job.
func (r *replica) compare(ctx context.Context, job string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.ops+"/jobs/"+job, nil)
	if err != nil {
		return err
	}
	said, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer said.Body.Close()
	if said.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s of %s: %s", job, r.name, said.Status)
	}
	return nil
}

// live keeps the replica running until ctx ends: whatever ends it, it is started
// again, as a supervisor does.
func (r *replica) live(ctx context.Context) {
	for ctx.Err() == nil {
		p := r.process
		select {
		case <-p.said:
			r.s.tally.started(p.took)
			r.become(true)
			select {
			case <-p.ended:
			case <-ctx.Done():
				return
			}
		case <-p.ended:
			r.s.pause(ctx, 20*time.Millisecond) // its database was away
		case <-ctx.Done():
			return
		}
		r.become(false)
		r.mu.Lock()
		err := r.start()
		r.mu.Unlock()
		if err != nil {
			r.s.say("%s: %v", r.name, err)
			return
		}
	}
}

func (r *replica) become(alive bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive = alive
}

// strike kills the replica if it is ready.
func (r *replica) strike() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.alive {
		return false
	}
	r.alive = false
	_ = r.process.cmd.Process.Kill()
	return true
}
