package httpapi_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"racord/adapters/httpapi"
	"racord/hub"
)

// trial is a registration whose dry runs take until they are told to end.
type trial struct {
	httpapi.Connectors
	begun chan struct{}
	end   chan struct{}
}

func (c trial) Try(ctx context.Context, _ hub.Caller, _ hub.Name, _ int, _ hub.TrialSubject) (hub.DryRun, error) {
	close(c.begun)
	select {
	case <-c.end:
	case <-ctx.Done():
	}
	return hub.DryRun{Exchanges: []hub.DryExchange{}, Records: []hub.DryRecord{}}, ctx.Err()
}

// TestADryRunIsAnsweredWhenItEnds has a creditor that is silent for longer than the
// server waits for its clients, and room for one request.
func TestADryRunIsAnsweredWhenItEnds(t *testing.T) {
	c := trial{begun: make(chan struct{}), end: make(chan struct{})}
	s := newScene(t, func(p *httpapi.Parts, conf *httpapi.Conf) { p.Connectors, conf.InFlight = c, 1 })
	s.doorman.callers["salub"] = hub.Caller{Login: hub.Login{Issuer: issuer, Subject: "salub"}, Portal: "desk", Company: "salub"}
	server := httpapi.NewServer(s, nil)
	server.ReadTimeout, server.WriteTimeout = 200*time.Millisecond, 300*time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	go func() {
		<-c.begun
		if w := s.ask("GET", "/v1/view", ""); w.Code != ok {
			t.Errorf("a citizen meanwhile: got %d, want 200", w.Code)
		}
		time.Sleep(time.Second)
		close(c.end)
	}()
	request, _ := http.NewRequest("POST", "http://"+l.Addr().String()+"/v1/connectors/salub/versions/1/try", strings.NewReader(`{"debtor":"known"}`))
	request.Header.Set("Authorization", "Bearer salub")
	request.Header.Set("Content-Type", "application/json")
	answer, err := (&http.Client{Timeout: 30 * time.Second}).Do(request)
	if err != nil {
		t.Fatalf("got %v, want the dry run", err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), `"records":[]`) {
		t.Errorf("got %d %s, want the dry run", answer.StatusCode, body)
	}
}
