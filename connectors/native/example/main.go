// Command example is a company that connects itself through the native contract:
// company.go is all that it writes, api.gen.go is generated from
// native.openapi.yaml. It keeps a few test bills in memory.
//
//	openssl rand -hex 24 > tokens
//	go run ./connectors/native/example -tokens tokens -listen 127.0.0.1:8099
//
// cablu.yaml is the manifest by which it is proved; see ../README.md.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
	_ "time/tzdata" // days are those of Europe/Bucharest on every machine
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8099", "address to listen on, behind a proxy that speaks TLS")
	tokens := flag.String("tokens", "tokens", "file with the hub's token; two lines while it is changed")
	flag.Parse()
	server := http.Server{
		Addr: *listen, Handler: Handler(testBooks(time.Now), fileOf(*tokens)),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
	}
	fmt.Fprintln(os.Stderr, "listening on", *listen)
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}

// fileOf reads the tokens whenever they are needed, so that they can be changed
// while the server runs. A file that cannot be read admits nobody.
func fileOf(name string) func() []string {
	return func() []string {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil
		}
		return strings.Fields(string(data))
	}
}

// bucharest is where the contract's days are.
var bucharest = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Bucharest")
	if err != nil {
		panic(err) // tzdata is part of the program
	}
	return zone
}()

// testBooks are three accounts: two that owe and one that does not.
func testBooks(now func() time.Time) *Books {
	b := &Books{Now: now, bills: map[string][]Obligation{"0004411": nil, "0004412": nil, "0004413": {}}}
	for account, amounts := range map[string][]int64{"0004411": {12_847, 9_900, 4_450}, "0004412": {7_015}} {
		for i, bani := range amounts {
			number := fmt.Sprintf("F-%s-%d", account, i+1)
			due := now().In(bucharest).AddDate(0, 0, 14-i).Format("2006-01-02")
			b.bills[account] = append(b.bills[account], Obligation{
				ID: number, Kind: "cable.bill", Account: account, Debtor: "Mureșan Ștefan", Total: bani, Outstanding: bani, DueOn: due,
				Reference: &Reference{Invoice: number},
			})
		}
	}
	return b
}
