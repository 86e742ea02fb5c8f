# Everything the targets need beyond Go, make and a C compiler (for the race detector) they install themselves.
GO          ?= go
BIN         := $(CURDIR)/.bin
STATICCHECK := $(BIN)/staticcheck
FUZZTIME    ?= 10000x
export CGO_ENABLED = 0

.PHONY: build test check fmt vet staticcheck race whole fuzz soak bench test-claude chromium screenshots

build:
	$(GO) build -trimpath -o $(BIN)/tripod ./cmd/tripod

# The tests that run anywhere, without the race detector.
test:
	$(GO) test -shuffle=on ./...

# What every change has to pass: each test with the race detector or without, those that -short leaves out or cuts without. With
# chromium there, the console's pages are looked at in it.
check: fmt vet staticcheck chromium race whole fuzz

# The browser the console is tested in: Debian's. Without it, and without the means to install it, those tests are skipped and say so.
chromium:
	@if command -v chromium >/dev/null; then :; \
	elif command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else echo "no chromium, and no way to install it: tests of the console in a browser will be skipped"; fi

fmt:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; }

vet:
	$(GO) vet ./...

staticcheck: $(STATICCHECK)
	$(STATICCHECK) ./...

$(STATICCHECK):
	GOBIN=$(BIN) $(GO) install honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Three packages at a time on two cores: many wait for disks, children and browsers. Tests that start the program as a child do not gain from the race detector and are left out (-short).
race:
	CGO_ENABLED=1 $(GO) test -p 3 -race -short -shuffle=on ./...

# The packages of which race runs less than all.
whole:
	$(GO) test -p 3 -shuffle=on $$(grep -rl 'testing.Short()' --include='*_test.go' . | xargs -n1 dirname | sort -u)

# Every fuzz target for a moment; make fuzz FUZZTIME=5m for longer. Packages that link SQLite run their seeds with the other
# tests and are fuzzed by soak: building SQLite with coverage takes longer than the rest together.
fuzz:
	@$(call fuzz,if $(GO) list -deps $$pkg | grep -q modernc.org/sqlite; then continue; fi;)

# Two targets at a time: most of each is compiling and linking.
define fuzz
set -e; for pkg in $$(grep -rl '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	$(1) grep -ho '^func Fuzz[A-Za-z0-9_]*' $$pkg/*_test.go | sed "s|func |$$pkg |"; \
done | xargs -P 2 -L 1 sh -c 'echo "fuzz $$0 $$1"; out=$$($(GO) test -run "^$$" -fuzz "^$$1$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$0 2>&1) || { echo "$$out"; exit 255; }'
endef

# The long versions of the crash tests, 500 random worlds of the activity feed, pages over a million records, and every fuzz target.
soak:
	TRIPOD_SOAK=1 $(GO) test -timeout 6h -count=1 ./e2e/... ./internal/console/browsertest ./internal/collect/complianceapi ./internal/lifecycle/retention
	@$(call fuzz,)

# The pictures in the documents, from the demo.
screenshots: chromium
	$(GO) run ./docs/screenshots

bench:
	$(GO) run ./bench/otlp
	$(GO) run ./bench/search
	$(GO) run ./bench/feed
	$(GO) run ./bench/detectors -write ''
	$(GO) run ./bench/detect -write ''
	$(GO) run ./bench/gateway

# The real Claude Code and the official SDK against tripod serve and a simulated Messages API; needs node and npm, installs
# the clients itself.
test-claude: build
	$(GO) test -tags claude -count=1 -timeout 30m -v ./e2e/claude ./e2e/gateway
