# Racord. `make help` lists the targets.
GO      ?= go
BIN     := bin
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PACKAGES := redis-server postgresql prometheus patch
BENCH_PACKAGES := nginx-light wrk
TESTFLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help build deps bench-deps test test-long storm lint bench bench-view bench-pay fuzz generate clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## build racord and city into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/ ./cmd/...

deps: ## install what the tests need from Debian's packages (redis, postgresql, prometheus, patch)
	@cmd/racord/install-deps $(PACKAGES)

bench-deps: ## install what make bench-view needs (nginx, wrk)
	@cmd/racord/install-deps $(BENCH_PACKAGES)

test: deps ## every test, on real Redis, PostgreSQL and Prometheus, under 15 minutes on 2 cores
	$(GO) vet ./...
	$(GO) test -count=1 -timeout 14m $(TESTFLAGS) ./...
	$(GO) build -o $(BIN)/test/ ./cmd/racord ./cmd/city
	$(GO) run ./cmd/racord/storm -size small $(STORMED) -within 3m # no test depends on how fast the machine is
	$(GO) run ./cmd/racord/storm -size sqlite $(STORMED) -within 3m

STORMED := -racord $(BIN)/test/racord -city $(BIN)/test/city
STORM ?= small
storm: deps ## pay through a hub that is killed over and over; STORM=small, full, sqlite or sqlite-full
	$(GO) run ./cmd/racord/storm -size $(STORM)

test-long: deps ## the longer suites: race detector, fuzzers, more people and more faults
	RACORD_LONG=1 $(GO) test -count=1 -timeout 60m $(TESTFLAGS) ./...
	$(GO) test -race -count=1 -timeout 60m ./hub/... ./adapters/... ./connectors/...
	$(MAKE) fuzz FUZZTIME=30s
	$(MAKE) storm STORM=sqlite-full

FUZZTIME ?= 10s
fuzz: ## run every fuzz target for FUZZTIME
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

lint: ## formatting, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

bench: ## Go benchmarks with allocations
	$(GO) test -run '^$$' -bench . -benchmem ./...

bench-view: bench-deps ## the view against a typed net/http fan-out and nginx, ratios in one run
	$(GO) run ./cmd/racord/benchview

bench-pay: deps ## payments from quote to posted against bare transactions of the same rows, ratios in one run
	$(GO) run ./cmd/racord/benchpay

generate: ## write the generated files again (reference, schema)
	$(GO) generate ./...

clean: ## remove what was built
	rm -rf $(BIN)
