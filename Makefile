# Every target is one line of `make help`.
GO       ?= go
LINT     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT  := mvdan.cc/gofumpt@v0.12.0
BIN      := bin/tandem
FUZZTIME ?= 60s
SEEDS    ?= 20000
# How long a package's tests may take on a machine that is slow and has other things to do.
TIMEOUT  ?= 30m

.DEFAULT_GOAL := help
.PHONY: help build demo test race e2e sim fuzz bench microbench lint fmt tools bench-tools clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r t d; do printf '  %-12s %s\n' "$$t" "$$d"; done

build: ## build bin/tandem
	$(GO) build -o $(BIN) ./cmd/tandem

demo: ## place a forked call through a script on real sockets and print its ladder
	$(GO) run ./cmd/tandem demo

test: tools ## run every test: Go, Lua examples, sipp on real sockets
	$(GO) vet ./...
	$(GO) test -timeout $(TIMEOUT) ./...

race: tools ## run every test under the race detector
	$(GO) test -timeout $(TIMEOUT) -race ./...

e2e: tools ## run only the tests on real sockets
	$(GO) test -count=1 -timeout $(TIMEOUT) -v ./tests/...

sim: ## run SEEDS (20000) random calls through the engine and hold each to the rules
	$(GO) test -count=1 -timeout 24h ./engine/sim/seeds -run TestSeeds -seeds $(SEEDS)

# A target that reads long texts would spend the time on making each find shorter (60 s each, in which no execs are counted).
fuzz: ## run every fuzz target for FUZZTIME (60s)
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$p || exit 1; \
	  done; done

microbench: ## run the Go benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

bench: build bench-tools ## compare with Kamailio, call by call, in one run (PEERBENCH = folder of the peer benchmark)
	TANDEM=$(CURDIR)/$(BIN) tests/bench/compare.sh

lint: ## run golangci-lint
	$(GO) run $(LINT) run ./...

fmt: ## format the Go code
	$(GO) run $(GOFUMPT) -w .

tools: # what the tests on real sockets need beside Go
	@tests/install.sh sipp:sip-tester lua5.1:lua5.1 baresip:baresip-core kamailio:kamailio node:nodejs npm:npm
	@cd tests/browser && { cmp -s package-lock.json node_modules/.installed || { npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.installed; }; }

bench-tools:
	@tests/install.sh sipp:sip-tester kamailio:kamailio,kamailio-lua-modules tcpdump:tcpdump

clean: ## remove what was built
	rm -rf bin
