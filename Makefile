.DEFAULT_GOAL := help

# The version has one source, which OCB reads too.
VERSION := $(shell sed -n 's/^  version: //p' builder-config.yaml)
TOOL    := go tool -modfile=internal/tools/go.mod
GOBIN_  := CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
# The race detector needs cgo and a C compiler. Without them the tests run without it.
RACE    := $(if $(and $(filter 1,$(shell go env CGO_ENABLED)),$(shell command -v $(firstword $(shell go env CC)))),-race)

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

# Platforms that must compile. README.md says what is tested on each.
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: build-all
build-all: $(addprefix build-,$(PLATFORMS)) ## Compile both binaries for every platform (5 min each, cold)

.PHONY: $(addprefix build-,$(PLATFORMS))
$(addprefix build-,$(PLATFORMS)): exe = $(if $(filter windows,$(*D)),.exe)
$(addprefix build-,$(PLATFORMS)): build-%: _build/main.go
	cd _build && GOOS=$(*D) GOARCH=$(*F) $(GOBIN_) -o $(*D)-$(*F)/otelcol-tenant$(exe) .
	GOOS=$(*D) GOARCH=$(*F) $(GOBIN_) -o _build/$(*D)-$(*F)/tenantctl$(exe) ./cmd/tenantctl

# Packages and images. The time of their files is that of the commit, so that the same commit
# gives the same bytes.
PACKAGE_ARCHS ?= amd64 arm64
PACKAGE_TIME  := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),1)
PACKAGING     := go -C internal/tools/packaging
GOHOSTARCH    := $(shell go env GOHOSTOS)/$(shell go env GOHOSTARCH)
# bindir ARCH is the folder with the binaries for linux/ARCH: make build writes those for this machine.
bindir         = _build$(if $(filter linux/$(1),$(GOHOSTARCH)),,/linux-$(1))
bintarget      = $(if $(filter linux/$(1),$(GOHOSTARCH)),build,build-linux/$(1))

.PHONY: binaries
binaries: build $(foreach arch,$(PACKAGE_ARCHS),$(call bintarget,$(arch)))

.PHONY: sbom
sbom: binaries ## Write CycloneDX SBOMs of the binaries beside them
	$(PACKAGING) build -o $(CURDIR)/_build/tools/ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	set -e; for folder in $(foreach arch,$(PACKAGE_ARCHS),$(call bindir,$(arch))); do for binary in otelcol-tenant tenantctl; do \
		_build/tools/cyclonedx-gomod bin -json -std -noserial -notimestamp -version v$(VERSION) \
			-output $$folder/$$binary.cdx.json $$folder/$$binary; \
	done; done

.PHONY: packages
packages: binaries notices sbom ## Write deb, rpm and apk packages to _build/packages (PACKAGE_ARCHS=amd64: one architecture)
	$(PACKAGING) build -o $(CURDIR)/_build/tools/ ./packages
	rm -rf $(PACKAGE_OUTPUT)
	$(write_packages)

# Without a new build, for the test that compares the bytes.
.PHONY: packages-again
packages-again:
	$(write_packages)

PACKAGE_OUTPUT := _build/packages
write_packages  = _build/tools/packages -output $(PACKAGE_OUTPUT) -version $(VERSION) -time $(PACKAGE_TIME) -host _build \
	$(foreach arch,$(PACKAGE_ARCHS),-arch $(arch)=$(call bindir,$(arch)))

REVISION    = $(shell git rev-parse HEAD)
write_image = _build/tools/image -version $(VERSION) -revision $(REVISION) -time $(PACKAGE_TIME)

.PHONY: image
image: binaries notices sbom ## Write the image as an OCI layout and docker archives to _build/image (PACKAGE_ARCHS=amd64: one architecture)
	$(PACKAGING) build -o $(CURDIR)/_build/tools/ ./image
	$(write_image) -output _build/image $(foreach arch,$(PACKAGE_ARCHS),-arch $(arch)=$(call bindir,$(arch)))

.PHONY: image-tree
image-tree: notices sbom ## Write the files of the image for one architecture to _build/image-tree, for the Dockerfile
	$(PACKAGING) build -o $(CURDIR)/_build/tools/ ./image
	$(write_image) -tree -output _build/image-tree -arch $(PACKAGE_ARCHS)=$(call bindir,$(PACKAGE_ARCHS))

.PHONY: notices
notices: _build/main.go ## Write the licenses of everything that is linked to _build/THIRD_PARTY_NOTICES.txt
	go run -C internal/tools ./notices -own $(shell go list -m) -o $(CURDIR)/_build/THIRD_PARTY_NOTICES.txt \
		$(CURDIR)/_build=. $(CURDIR)=./cmd/tenantctl

# Not "go run", which turns Ctrl-C into a failure.
.PHONY: run
run: build ## Demonstrate the main job: two tenants, two agents, one gateway
	@go build -o _build/demonstrate ./testbed/demo && exec _build/demonstrate

.PHONY: smoke
smoke: build ## Run the demonstration without a terminal and assert every count
	@go build -o _build/demonstrate ./testbed/demo && exec _build/demonstrate -smoke

.PHONY: test
test: build ## Build the binary and run all tests
	@test -n "$(RACE)" || echo "no C compiler: testing without the race detector"
	go test $(RACE) -timeout 35m ./...
	go test $(RACE) -tags pm2slab $(addprefix ./receiver/pm2receiver/internal/,slab decode applog container daemonlog)
	go test -count=1 ./internal/layout
	cd internal/tools && go test ./...
	cd internal/tools/schema && CGO_ENABLED=0 go test -trimpath ./...
	cd internal/tools/compose && go test ./...
	cd internal/tools/iac && go test ./...
	cd internal/tools/dashboards && go test -count=1 ./...
	cd internal/tools/packaging && go test ./...

BACKENDS := _build/backends

.PHONY: backends
backends: $(addprefix $(BACKENDS)/,victoria-logs victoria-metrics vmagent prometheus remote-write-compliance loki-client) ## Build the backends and suites that CI tests with (4 min)

# backend MODULE,PACKAGE builds the version that the module below testbed/backends pins.
backend = cd testbed/backends/$(1) && $(GOBIN_) -o $(CURDIR)/$@ $(2)

$(BACKENDS)/victoria-logs $(BACKENDS)/victoria-metrics $(BACKENDS)/vmagent: testbed/backends/victoria/go.mod
	$(call backend,victoria,github.com/VictoriaMetrics/$(if $(findstring logs,$@),VictoriaLogs,VictoriaMetrics)/app/$(@F))

$(BACKENDS)/loki-client: testbed/lokiclient/go.mod testbed/lokiclient/main.go
	cd testbed/lokiclient && $(GOBIN_) -o $(CURDIR)/$@ .

$(BACKENDS)/prometheus: testbed/backends/prometheus/go.mod
	$(call backend,prometheus,-tags remove_all_sd github.com/prometheus/prometheus/cmd/prometheus)

$(BACKENDS)/caddy: testbed/backends/caddy/go.mod
	$(call backend,caddy,github.com/caddyserver/caddy/v2/cmd/caddy)

# The module names itself by another path than it is served under, so that no go.mod can
# require it.
COMPLIANCE := github.com/prometheus/compliance/remotewrite/receiver@v0.0.0-20260806071727-67b8327a2e93

$(BACKENDS)/remote-write-compliance: # 50 s, cold
	mkdir -p $(BACKENDS)
	cd "$$(go mod download -json $(COMPLIANCE) | sed -n 's/^.*"Dir": "\(.*\)".*$$/\1/p')" && \
		CGO_ENABLED=0 go test -c -o $(CURDIR)/$@ .

.PHONY: caddy
caddy: $(BACKENDS)/caddy ## Build current Caddy, for make acceptance (several minutes)

# The Go module proxy does not serve VictoriaTraces. Its repository vendors its dependencies.
.PHONY: victoria-traces
victoria-traces: ## Build VictoriaTraces from VICTORIATRACES_SOURCE, a clone of its repository
	cd $(VICTORIATRACES_SOURCE) && $(GOBIN_) -mod=vendor -o $(CURDIR)/$(BACKENDS)/victoria-traces ./app/victoria-traces

.PHONY: acceptance
acceptance: build backends $(BACKENDS)/caddy ## Run the long tests with real backends and proxies (20 min, and the builds)
	npm install --no-save --prefix internal/e2e/testdata/clickhouse --ignore-scripts --no-audit --no-fund --loglevel=error
	E2E_ACCEPTANCE=1 E2E_OUTAGE=30 E2E_PROXY_ROUNDS=5 E2E_UPLOAD_PIECES=400 \
		go test -count=1 -timeout 60m -v -run 'TestStore|TestMonitoring|TestProxy|TestRemoteWrite|TestStack|TestClickHouse' ./internal/e2e

.PHONY: bench
bench: ## Run every benchmark of the packages
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-gateway
bench-gateway: build _build/baseline-gateway/otelcol-baseline-gateway ## Compare the gateway with a contrib gateway (Linux)
	go run ./testbed/benchgateway $(BENCH_GATEWAY_FLAGS)

.PHONY: bench-isolation
bench-isolation: build ## Measure how failures of some tenants affect the others (Linux)
	go run ./testbed/benchgateway -isolation $(BENCH_ISOLATION_FLAGS)

# Strict versioning is off because one component is from another release.
_build/baseline-gateway/otelcol-baseline-gateway: testbed/baseline/gateway-builder-config.yaml
	$(TOOL) builder --config $< --skip-strict-versioning

_build/baseline/otelcol-baseline: testbed/baseline/builder-config.yaml
	mkdir -p _build/baseline
	$(TOOL) builder --config testbed/baseline/builder-config.yaml

.PHONY: bench-pm2
bench-pm2: build _build/baseline/otelcol-baseline ## Compare the pm2 receiver with contrib's file_log receiver
	go run ./testbed/benchpm2 $(BENCH_PM2_FLAGS)

.PHONY: bench-delivery
bench-delivery: build ## Compare delivery through lanes with upstream's exporter and queue
	go run ./testbed/benchpm2 -name lanes -config testbed/baseline/agent-lanes.yaml -baseline _build/otelcol-tenant \
		-baseline-name sending_queue -baseline-config testbed/baseline/agent-sending-queue.yaml -modes otlp,paced $(BENCH_PM2_FLAGS)

.PHONY: soak
soak: build ## Check that the gateway does not grow while 5,000 tenants are added and removed (18 min, Linux)
	go run ./testbed/soak $(SOAK_FLAGS)

.PHONY: hostile
hostile: build ## Attack a gateway with 512 MiB of memory that also serves well-behaved tenants (21 min, Linux, root)
	go run ./testbed/hostile $(HOSTILE_FLAGS)

.PHONY: attack-latency
attack-latency: build ## Compare the latency of well-behaved tenants with and without each kind of attack (5 min, Linux, root)
	go run ./testbed/hostile -latency -tenants 10 -rate 100 -quiet 4s $(ATTACK_LATENCY_FLAGS)

.PHONY: replay-pm2
replay-pm2: build ## Replay the recorded rotations to the agent at real speed (2 min)
	E2E_ROTATION_SPEED=1 go test -count=1 -v -run TestPM2RotationReplay ./internal/e2e

.PHONY: bench-request
bench-request: ## Compare authentication and the tenant processor with upstream's equivalents
	go test -run '^$$' -bench Authenticate -benchmem ./extension/bearerkeyauthextension
	go test -run '^$$' -bench Encoded -benchmem -count 7 ./internal/stamp
	cd testbed/requestpath && go test -run '^$$' -bench . -benchmem -count 5 .

.PHONY: bench-doors
bench-doors: ## Measure remote write and Loki's push API beside decoding with their own types (2 min)
	go test -run '^$$' -bench Message -benchmem -count 3 ./receiver/prometheusremotewritereceiver/internal/translate
	go test -run '^$$' -bench Push -benchmem -count 3 ./receiver/lokipushreceiver/internal/push
	cd testbed/benchdoors && go test -run '^$$' -bench . -benchmem -count 3 .

.PHONY: generate
generate: ## Regenerate code, the reference and the JSON schema of the configuration
	go generate ./...
	go mod tidy
	cd internal/tools && go mod tidy
	cd internal/tools/schema && go mod tidy && CGO_ENABLED=0 go run -trimpath . \
		-schema $(CURDIR)/docs/schema/otelcol-tenant.schema.json -reference $(CURDIR)/docs/configuration.md
	cd internal/tools/dashboards && go mod tidy
	cd internal/tools/packaging && go mod tidy
	cd internal/tools/iac && go mod tidy
	cd testbed/requestpath && go mod tidy
	cd testbed/benchdoors && go mod tidy
	cd testbed/lokiclient && go mod tidy
	cd internal/tools/compose && go mod tidy
	cd testbed/customergo && go mod tidy

.PHONY: lint
lint: ## Run the linters
	go vet ./...
	$(TOOL) golangci-lint run --allow-parallel-runners

.PHONY: check-stacks
check-stacks: ## Check the compose files and scripts of distributions/stacks
	cd internal/tools/compose && go vet ./... && go test ./...

.PHONY: check
check: generate lint ## Fail on stale generated files, untidy modules and lint
	go mod verify
	git diff --exit-code
	@new=$$(git ls-files --others --exclude-standard); test -z "$$new" || { echo "not in git: $$new"; exit 1; }

.PHONY: clean
clean: ## Remove the build output
	rm -rf _build
