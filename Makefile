# Nattevakt. `make run` shows it at work, `make test` proves it, `make bench` measures it.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)
# grpcnotrace leaves out grpc's debug pages, and with them html/template and a megabyte.
AGENT    := CGO_ENABLED=0 $(GO) build -trimpath -tags grpcnotrace -ldflags '-s -w -X main.version=$(VERSION)'
SERVER   := $(GO) build -trimpath -ldflags '-s -w -X main.stamped=$(VERSION)'
TOOLS    := -modfile=.ci/tools/go.mod

.PHONY: all build plugins run test lint bench soak proto proto-baseline web-assets windows clean

all: build plugins

build:
	$(SERVER) -o bin/nattevakt ./server/cmd/nattevakt
	$(AGENT) -o bin/nattevakt-agent ./agent/cmd/nattevakt-agent

# The vendors' plugins with the list of checksums without which none is started.
plugins:
	for v in dell hp lenovo generic; do $(GO) build -trimpath -ldflags '-s -w' -o bin/plugins/nattevakt-vendor-$$v ./plugins/$$v || exit 1; done
	cd bin/plugins && sha256sum nattevakt-vendor-* > SHA256SUMS

windows:
	GOOS=windows GOARCH=amd64 $(AGENT) -o bin/nattevakt-agent.exe ./agent/cmd/nattevakt-agent
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(SERVER) -o bin/nattevakt.exe ./server/cmd/nattevakt

run: build
	$(GO) run ./deploy/demo -bin bin

test:
	.ci/test

lint:
	$(GO) vet ./...
	$(GO) tool $(TOOLS) staticcheck ./...
	$(GO) tool $(TOOLS) golangci-lint run

bench: build
	$(GO) run ./deploy/bench -bin bin

# The long form of the kill and cut tests: an hour or so.
soak:
	NATTEVAKT_KILLS=5000 NATTEVAKT_CUTS=5000 $(GO) test -timeout 3h -count 1 ./server/internal/store/... ./images/apply/...
	NATTEVAKT_KILLS=500 $(GO) test -timeout 1h -count 1 -run TestKillUnderLoad ./deploy/e2e

proto:
	cd proto && $(GO) run ./internal/protoimage contract.binpb && \
	$(GO) tool buf lint contract.binpb --path nattevakt && \
	$(GO) tool buf breaking contract.binpb --against baseline.binpb --path nattevakt && \
	$(GO) tool buf generate contract.binpb --path nattevakt; rc=$$?; rm -f contract.binpb; exit $$rc

# Moves the line that later changes must not break; part of making a release.
proto-baseline:
	cd proto && $(GO) run ./internal/protoimage baseline.binpb

web-assets:
	deploy/web/fetch.sh

clean:
	rm -rf bin
