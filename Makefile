# Needs make and Python 3.11 or newer, nothing else. `make` alone explains.

# The first Python that is new enough; `make PYTHON=/path/to/python3 …` chooses another.
PYTHON ?= $(shell for one in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if $$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$one; break; fi; done)
UV := uv>=0.13,<0.14

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet
COMPILE := var/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock' $(ARGS)

# A release is the same to the byte whoever builds it: its one time is that of the commit.
EPOCH = SOURCE_DATE_EPOCH="$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)}"
SHIP := var/release/bin/python -m pip --python var/release/shipped --disable-pip-version-check --no-input install --quiet
SHA256 := $(shell command -v sha256sum || echo shasum -a 256)

# npm copies addresses for donations into its lock files, which are to name versions and digests only.
NPM_LOCK := npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-progress --no-audit --no-fund \
	&& node -e 'const fs = require("fs"), name = "package-lock.json", lock = JSON.parse(fs.readFileSync(name)); \
	for (const each of Object.values(lock.packages)) delete each.funding; \
	fs.writeFileSync(name, JSON.stringify(lock, null, 2) + "\n");'

# A verifier is built where its language is: Go from 1.25 on, Java with Maven.
NODE := $(shell command -v npm)
GO := $(shell GOTOOLCHAIN=local go version 2>/dev/null | grep -E 'go1\.(2[5-9]|[3-9][0-9])')
MAVEN := $(shell command -v javac >/dev/null && command -v mvn)
VERIFIERS := var/verifiers/.ready $(if $(NODE),verifiers/node/node_modules/.package-lock.json) \
	$(if $(GO),var/verifiers/go) $(if $(MAVEN),verifiers/java/target/.ready)

# What the servers that PEER names are made of.
PEERS := $(if $(findstring oidc-provider,$(PEER)),var/peers/oidc-provider/.ready) \
	$(if $(filter authlib,$(PEER)),var/peers/authlib/.ready)

.DEFAULT_GOAL := help
.PHONY: help demo test million clients verifiers ready lint style types container bench purging scale soak flight capacity dialects release audit lock clean

help: ## Show this list
	@echo 'Usage: make TARGET [ARGS="…"]     ARGS is handed on, as in: make test ARGS="tests/store -x"'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo 'The first run makes .venv from the lock files; it is made again only when one of them changed.'

demo: .venv/.ready ## Sign in on this machine: TikTok simulator, broker and a sample app
	@$(BIN)/broker demo $(ARGS)

# The tests start a hundred processes: none compiles anew what another has compiled.
test million verifiers: export PYTHONDONTWRITEBYTECODE =

test: .venv/.ready-dev ## Run the tests, with branch coverage
	@$(BIN)/python -m pytest -n logical --maxprocesses 8 --cov --cov-report term $(ARGS)

clients: tests/clients/node_modules/.package-lock.json ## Install the npm clients that some tests drive, from their lock file

# Each environment is its own, so `make --jobs` installs side by side.
ready: .venv/.ready-dev $(VERIFIERS) $(if $(NODE),clients) var/release/shipped/.ready ## Install all that the other targets run in

million: .venv/.ready-dev ## Upgrade the database of a million people on PostgreSQL while others write to it
	@PEOPLE=1000000 $(BIN)/python -m pytest -q tests/migrations/test_while_people_write.py $(ARGS)

verifiers: .venv/.ready-dev $(VERIFIERS) ## Build and test the verifiers for backends, in the languages that are on this machine
	@cd verifiers/python && ../../var/verifiers/bin/python -m mypy && ../../var/verifiers/bin/python -m pytest -q
	$(if $(NODE),@cd verifiers/node && node --test --test-reporter=dot)
	$(if $(GO),@cd verifiers/go && CGO_ENABLED=0 GOTOOLCHAIN=local go vet . && CGO_ENABLED=0 GOTOOLCHAIN=local go test .)
	@$(BIN)/python -m pytest -q -rs tests/verifiers $(ARGS)

lint: style types container ## Check style, types and container files

style: .venv/.ready-dev ## … only what ruff says
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: .venv/.ready-dev ## … only what mypy says
	@$(BIN)/mypy

container: .venv/.ready-dev ## … only Dockerfile, compose.yaml and deploy/kubernetes
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	@$(BIN)/kubernetes-validate --strict $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml))

bench: .venv/.ready-dev var/release/shipped/.ready $(PEERS) ## Measure speed and memory; PEER="oidc-provider authlib" measures others beside it
	@$(BIN)/python -m benchmarks $(if $(PEER),--peer $(PEER) --database postgresql --workers 1) $(ARGS)

purging: .venv/.ready-dev var/release/shipped/.ready ## Measure what refreshes feel of ten million expired rows (one to two hours)
	@$(BIN)/python -m benchmarks.purging $(ARGS)

scale: .venv/.ready-dev var/release/shipped/.ready ## Compare a table of ten million people with a small one (an hour, 50 GB, 8 GB of memory)
	@$(BIN)/python -m benchmarks.scale $(ARGS)

soak: .venv/.ready-dev var/release/shipped/.ready ## See whether a worker's memory stays over 200,000 sign-ins (ten minutes)
	@$(BIN)/python -m benchmarks.scale.soak $(ARGS)

flight: .venv/.ready-dev ## See what a sign-in takes of a worker's memory while ten thousand wait for TikTok
	@$(BIN)/python -m benchmarks.scale.flight $(ARGS)

capacity: .venv/.ready-dev ## Simulate what one core, one machine, ten replicas on one PostgreSQL carry
	@$(BIN)/python -m benchmarks.capacity $(ARGS)

dialects: .venv/.ready-dev $(if $(GO),var/dialects/cockroach) ## Ask CockroachDB's own parser whether it takes every statement (needs Go)
	$(if $(GO),,@echo 'Go 1.25 or newer was not found: its parser is a Go module.' >&2; exit 1)
	@$(BIN)/python -m tests.dialects.statements >var/dialects/statements
	@var/dialects/cockroach <var/dialects/statements

release: .venv/.ready var/release/shipped/.ready ## Build wheel, sdist, bill of materials (CycloneDX) and checksums into dist/
	@rm -rf dist
	@$(EPOCH) $(BIN)/hatchling build --target sdist --target wheel --directory dist
	@$(SHIP) --no-index --no-deps --force-reinstall dist/*.whl
	@$(EPOCH) var/release/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file "dist/$$(basename dist/*.tar.gz .tar.gz).cdx.json" var/release/shipped/bin/python
	@$(BIN)/python .ci/bill.py dist/*.cdx.json requirements.lock
	@cd dist && $(SHA256) * > SHA256SUMS && cat SHA256SUMS

audit: var/release/.ready ## Ask whether what is shipped has known vulnerabilities; needs the network
	@.ci/audit $(ARGS) || [ $$? -eq 75 ]

lock: var/uv/bin/uv ## Write the lock files anew (ARGS=--upgrade for newer Python packages)
	$(COMPILE) --group build --output-file requirements-build.lock
	$(COMPILE) --group release --output-file requirements-release.lock
	$(COMPILE) pyproject.toml --output-file requirements.lock
	$(COMPILE) pyproject.toml --extra dev --constraint requirements.lock --constraint requirements-build.lock \
		--output-file requirements-dev.lock
	cd verifiers/python && ../../$(COMPILE) pyproject.toml --group dev --output-file requirements-dev.lock
	cd benchmarks/peers/authlib && ../../../$(COMPILE) requirements.in --output-file requirements.lock
	$(if $(NODE),cd tests/clients && $(NPM_LOCK),@echo 'npm was not found: the three package-lock.json stay as they are.')
	$(if $(NODE),cd verifiers/node && $(NPM_LOCK))
	$(if $(NODE),cd benchmarks/peers/oidc-provider && $(NPM_LOCK))

clean: ## Remove .venv, caches and build results
	rm -rf .venv var/uv var/release var/verifiers var/peers var/dialects tests/clients/node_modules verifiers/node/node_modules verifiers/java/target build dist .coverage .coverage.* .hypothesis .pytest_cache .mypy_cache .ruff_cache
	find broker tests migrations benchmarks verifiers -name __pycache__ -type d -prune -exec rm -rf {} +

tests/clients/node_modules/.package-lock.json: tests/clients/package.json tests/clients/package-lock.json
	@command -v npm >/dev/null || { echo 'npm was not found: install Node.js 20 or newer with npm (Debian and Ubuntu: apt install nodejs npm).' >&2; exit 1; }
	@cd tests/clients && npm ci --no-progress
	@touch $@

var/verifiers/.ready: .venv/.made verifiers/python/requirements-dev.lock verifiers/python/pyproject.toml
	@echo 'Installing from verifiers/python/requirements-dev.lock into var/verifiers …'
	@"$(PYTHON)" -m venv var/verifiers
	@$(subst $(BIN),var/verifiers/bin,$(INSTALL)) --require-hashes -r verifiers/python/requirements-dev.lock
	@$(subst $(BIN),var/verifiers/bin,$(INSTALL)) --no-deps --no-build-isolation --editable verifiers/python
	@touch $@

verifiers/node/node_modules/.package-lock.json: verifiers/node/package.json verifiers/node/package-lock.json
	@cd verifiers/node && npm ci --no-progress --no-audit --no-fund
	@touch $@

var/verifiers/go: $(wildcard verifiers/go/*) var/verifiers/.ready
	@cd verifiers/go && CGO_ENABLED=0 GOTOOLCHAIN=local go build -o ../../$@ .

# It is run once: compiling without optimising takes three quarters of the time.
var/dialects/cockroach: $(wildcard tests/dialects/cockroach/*)
	@echo "Building CockroachDB's parser, which takes some minutes the first time …"
	@cd tests/dialects/cockroach && CGO_ENABLED=0 GOTOOLCHAIN=local go build -gcflags='all=-N -l' -o ../../../$@ .

verifiers/java/target/.ready: verifiers/java/pom.xml $(wildcard verifiers/java/src/main/java/*)
	@cd verifiers/java && mvn --quiet --batch-mode compiler:compile dependency:copy-dependencies
	@touch $@

# Its modules are copied to where its packages are, since Node.js looks for these beside and above a module only.
var/peers/oidc-provider/.ready: var/peers/oidc-provider/node_modules/.package-lock.json $(wildcard benchmarks/peers/oidc-provider/*.mjs)
	@rm -f $(@D)/*.mjs && cp benchmarks/peers/oidc-provider/*.mjs $(@D)
	@touch $@

var/peers/oidc-provider/node_modules/.package-lock.json: $(wildcard benchmarks/peers/oidc-provider/package*.json)
	@command -v npm >/dev/null || { echo 'npm was not found: install Node.js 20 or newer with npm (Debian and Ubuntu: apt install nodejs npm).' >&2; exit 1; }
	@echo 'Installing from benchmarks/peers/oidc-provider/package-lock.json into var/peers/oidc-provider …'
	@mkdir -p var/peers/oidc-provider && cp benchmarks/peers/oidc-provider/package*.json var/peers/oidc-provider
	@cd var/peers/oidc-provider && npm ci --no-progress --no-audit --no-fund
	@touch $@

var/peers/authlib/.ready: .venv/.made benchmarks/peers/authlib/requirements.lock
	@echo 'Installing from benchmarks/peers/authlib/requirements.lock into var/peers/authlib …'
	@"$(PYTHON)" -m venv var/peers/authlib
	@$(subst $(BIN),var/peers/authlib/bin,$(INSTALL)) --require-hashes -r benchmarks/peers/authlib/requirements.lock
	@touch $@

.venv/.made:
	@test -n "$(PYTHON)" || { echo 'No Python 3.11 or newer was found: install one, or name it with make PYTHON=/path/to/python3.' >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo '$(PYTHON) is not a Python 3.11 or newer: name another with make PYTHON=/path/to/python3.' >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo '$(PYTHON) cannot make virtual environments: install its venv module (Debian and Ubuntu: apt install python3-venv).' >&2; exit 1; }
	@"$(PYTHON)" -m venv .venv
	@touch $@

.venv/.ready: .venv/.made requirements.lock requirements-build.lock pyproject.toml
	@echo 'Installing from requirements.lock into .venv …'
	@$(INSTALL) --require-hashes -r requirements.lock -r requirements-build.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.ready-dev: .venv/.ready requirements-dev.lock
	@echo 'Installing from requirements-dev.lock into .venv …'
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

var/release/.ready: .venv/.made requirements-release.lock
	@echo 'Installing from requirements-release.lock into var/release …'
	@"$(PYTHON)" -m venv var/release
	@$(subst $(BIN),var/release/bin,$(INSTALL)) --require-hashes -r requirements-release.lock
	@touch $@

# What a release brings along and nothing else: the bill of materials is written from it.
var/release/shipped/.ready: var/release/.ready requirements.lock
	@rm -rf var/release/shipped
	@"$(PYTHON)" -m venv --without-pip var/release/shipped
	@$(SHIP) --require-hashes --only-binary :all: -r requirements.lock
	@touch $@

var/uv/bin/uv: Makefile
	"$(PYTHON)" -m venv var/uv
	var/uv/bin/python -m pip --disable-pip-version-check install --quiet '$(UV)'
	@touch $@
