.DEFAULT_GOAL := help

TOOL   := go tool -modfile=internal/tools/go.mod
GOBIN_ := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w'
# The race detector needs cgo and a C compiler; a machine with only Go, make and
# git tests without it and says so.
RACE   := $(if $(and $(filter 1,$(shell go env CGO_ENABLED)),$(shell command -v $(firstword $(shell go env CC)))),-race)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: _build/main.go ## Build _build/otelcol-tenant and _build/tenantctl
	cd _build && $(GOBIN_) -o otelcol-tenant .
	$(GOBIN_) -o _build/tenantctl ./cmd/tenantctl

_build/main.go: builder-config.yaml go.mod go.sum
	$(TOOL) builder --config builder-config.yaml --skip-compilation
	@touch $@

# Not "go run", which turns Ctrl-C into a failure.
.PHONY: run
run: build ## Show the main job: two tenants, two agents, one gateway
	@go build -o _build/demonstrate ./testbed/demo && exec _build/demonstrate

.PHONY: smoke
smoke: build ## The same without a terminal, asserted; exit code 0 or 1
	@go build -o _build/demonstrate ./testbed/demo && exec _build/demonstrate -smoke

.PHONY: test
test: build ## Run all tests against the built binary
	@test -n "$(RACE)" || echo "no C compiler: testing without the race detector"
	go test $(RACE) -timeout 35m ./...
	go test -count=1 ./internal/layout

BACKENDS := _build/backends

.PHONY: backends
backends: $(BACKENDS)/victoria-logs $(BACKENDS)/victoria-metrics ## Build the backends that CI tests against (1 min)

# backend MODULE,PACKAGE: what the module of testbed/backends pins.
backend = cd testbed/backends/$(1) && $(GOBIN_) -o $(CURDIR)/$@ $(2)

$(BACKENDS)/victoria-logs $(BACKENDS)/victoria-metrics: testbed/backends/victoria/go.mod
	$(call backend,victoria,github.com/VictoriaMetrics/$(if $(findstring logs,$@),VictoriaLogs,VictoriaMetrics)/app/$(@F))

$(BACKENDS)/prometheus: testbed/backends/prometheus/go.mod
	$(call backend,prometheus,-tags remove_all_sd github.com/prometheus/prometheus/cmd/prometheus)

$(BACKENDS)/caddy: testbed/backends/caddy/go.mod
	$(call backend,caddy,github.com/caddyserver/caddy/v2/cmd/caddy)

.PHONY: prometheus caddy
prometheus: $(BACKENDS)/prometheus ## Build Prometheus, for make acceptance (several minutes)
caddy: $(BACKENDS)/caddy ## Build current Caddy, for make acceptance (several minutes)

# The Go module proxy does not serve it; its repository holds what it needs.
.PHONY: victoria-traces
victoria-traces: ## Build VictoriaTraces from VICTORIATRACES_SOURCE, a clone of its repository
	cd $(VICTORIATRACES_SOURCE) && $(GOBIN_) -mod=vendor -o $(CURDIR)/$(BACKENDS)/victoria-traces ./app/victoria-traces

.PHONY: acceptance
acceptance: build backends $(BACKENDS)/prometheus $(BACKENDS)/caddy ## Test at length with real backends and proxies (20 min, and the builds)
	E2E_ACCEPTANCE=1 E2E_OUTAGE=30 E2E_PROXY_ROUNDS=5 E2E_UPLOAD_PIECES=400 \
		go test -count=1 -timeout 60m -v -run 'TestStore|TestProxy' ./internal/e2e

.PHONY: bench
bench: ## Run every benchmark of the packages
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-gateway
bench-gateway: build _build/baseline-gateway/otelcol-baseline-gateway ## Compare the gateway with a contrib gateway (Linux)
	go run ./testbed/benchgateway $(BENCH_GATEWAY_FLAGS)

.PHONY: bench-wall
bench-wall: build ## Measure what tenants notice of the trouble of others (Linux)
	go run ./testbed/benchgateway -wall $(BENCH_WALL_FLAGS)

# Strict versioning is off because one component is of another release.
_build/baseline-gateway/otelcol-baseline-gateway: testbed/baseline/gateway-builder-config.yaml
	$(TOOL) builder --config $< --skip-strict-versioning

_build/baseline/otelcol-baseline: testbed/baseline/builder-config.yaml
	mkdir -p _build/baseline
	$(TOOL) builder --config testbed/baseline/builder-config.yaml

.PHONY: bench-pm2
bench-pm2: build _build/baseline/otelcol-baseline ## Measure the pm2 receiver beside contrib's filelog
	go run ./testbed/benchpm2 $(BENCH_PM2_FLAGS)

.PHONY: bench-delivery
bench-delivery: build ## Measure an agent that delivers through lanes beside upstream's exporter and queue
	go run ./testbed/benchpm2 -name lanes -config testbed/baseline/agent-lanes.yaml -baseline _build/otelcol-tenant \
		-baseline-name sending_queue -baseline-config testbed/baseline/agent-sending-queue.yaml -modes otlp,paced $(BENCH_PM2_FLAGS)

.PHONY: soak
soak: build ## Look for growth in the gateway while 5,000 tenants come and go (18 min, Linux)
	go run ./testbed/soak $(SOAK_FLAGS)

.PHONY: hostile
hostile: build ## Attack the gateway in 512 MiB of memory beside honest tenants (21 min, Linux, root)
	go run ./testbed/hostile $(HOSTILE_FLAGS)

.PHONY: attack-latency
attack-latency: build ## Compare the latency of honest tenants with and without each kind of attack (5 min, Linux, root)
	go run ./testbed/hostile -latency -tenants 10 -rate 100 -quiet 4s $(ATTACK_LATENCY_FLAGS)

.PHONY: replay-pm2
replay-pm2: build ## Replay the recorded rotations to the agent at real speed (2 min)
	E2E_ROTATION_SPEED=1 go test -count=1 -v -run TestPM2RotationReplay ./internal/e2e

.PHONY: bench-request
bench-request: ## Measure auth and tenant processor beside upstream's
	go test -run '^$$' -bench Authenticate -benchmem ./extension/bearerkeyauthextension
	cd testbed/requestpath && go test -run '^$$' -bench . -benchmem -count 5 .

.PHONY: generate
generate: ## Regenerate code and documents from every metadata.yaml
	go generate ./...
	go mod tidy
	cd internal/tools && go mod tidy
	cd testbed/requestpath && go mod tidy

.PHONY: lint
lint: ## Run the linters
	go vet ./...
	$(TOOL) golangci-lint run --allow-parallel-runners

.PHONY: check
check: generate lint ## Fail on stale generated files, untidy modules or lint
	go mod verify
	git diff --exit-code
	@new=$$(git ls-files --others --exclude-standard); test -z "$$new" || { echo "not in git: $$new"; exit 1; }

.PHONY: clean
clean: ## Remove what the build made
	rm -rf _build
