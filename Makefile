# What there is to do with this repository; `make` alone lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

FIXTURES := target/fixtures
JAVA_SOURCES := pom.xml $(shell find sample-repo/pipelines tests/pipelines benches/java -name pom.xml -o -name '*.java')
CARGO := cargo
# Maven styles what it prints, even nothing, and even into a pipe.
PLAIN := sed $$'s/\033\\[[0-9;]*m//g'
# Logs of a build are read in files, where a progress bar is noise.
export CARGO_TERM_PROGRESS_WHEN ?= never

# How long `make fuzz` tries each target.
SECONDS_EACH ?= 60
# How many seeds `make model` tries.
SEEDS ?= 1000

.PHONY: help build deb rpm tarball fixtures test model demo bench soak fuzz check reference service fmt clean tools

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

build: tools ## build target/release/jetkeeper
	$(CARGO) build --locked --release

deb: build ## build a Debian package in target/packages
	scripts/deb target/release/jetkeeper target/packages

rpm: build ## build an RPM package in target/packages
	scripts/rpm target/release/jetkeeper target/packages

tarball: build ## build a tarball, its bill of materials and checksums in target/packages
	scripts/tarball target/release/jetkeeper target/packages

fixtures: tools $(FIXTURES)/.stamp $(FIXTURES)/azurite/.stamp $(FIXTURES)/prometheus/.stamp ## fetch Hazelcast, Azurite, Prometheus and Alertmanager, build the pipelines of tests, samples and benchmarks

test: fixtures ## run all tests, those on real Hazelcast members included
	$(CARGO) test --locked

model: fixtures ## try SEEDS=1000 simulated worlds, and as many plays of calls on a real member
	SEEDS=$(SEEDS) $(CARGO) test --locked --test it simulation::model -- --nocapture
	SEEDS=$(SEEDS) $(CARGO) test --locked --test it simulation::compared -- --nocapture

demo: fixtures ## show it at work on a real member (KEEP=1 leaves it running)
	@echo "building jetkeeper, which takes minutes the first time" >&2
	@$(CARGO) run --locked --quiet -- demo $(if $(KEEP),--keep)

bench: fixtures ## measure beside a warm Java client
	$(CARGO) bench --locked --bench budgets
	$(CARGO) bench --locked --bench allocations

fuzz: fixtures ## fuzz frames, messages and values of the client (SECONDS_EACH=60 each)
	SECONDS_EACH=$(SECONDS_EACH) scripts/fuzz

soak: fixtures ## copy a state, and clone a repository, of 1 GB each (needs 16 GB of memory)
	ONLY=copy $(CARGO) bench --locked --bench budgets
	ONLY=repository $(CARGO) bench --locked --bench budgets

check: tools ## format, lints, documentation, licences and sources of dependencies
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items
	"$$(scripts/cargo-deny)" --locked check bans licenses sources

service: tools ## run the unit under a real systemd apart from the machine's (as root)
	$(CARGO) build --locked
	scripts/under-systemd target/debug/jetkeeper

reference: fixtures ## write docs/reference.md anew, from the schema
	UPDATE_REFERENCE=1 $(CARGO) test --locked --test it -- reference::

fmt: ## format the sources
	$(CARGO) fmt

clean: ## remove all that was built
	rm -rf target sample-repo/jars/*.jar sample-repo/pipelines/*/target

tools:
	@scripts/tools

# One call of Maven makes them all, and knows itself what is up to date.
$(FIXTURES)/.stamp: $(JAVA_SOURCES)
	@echo "fetching Hazelcast and building the pipelines, which takes minutes the first time" >&2
	@mvn --batch-mode --quiet --no-transfer-progress package </dev/null 2>&1 | $(PLAIN) >&2
	@cp target/maven/pipelines/pipelines.jar $(FIXTURES)/pipelines.jar
	@cp target/maven/pipelines/pipelines-counter.jar $(FIXTURES)/counter.jar
	@cp target/maven/pipelines/pipelines-counter-v2.jar $(FIXTURES)/counter-v2.jar
	@cp target/maven/bench-client/bench-client.jar $(FIXTURES)/bench-client.jar
	@cp sample-repo/jars/orders{,-v2,-broken}.jar sample-repo/jars/word-count.jar $(FIXTURES)/
	@touch $@

$(FIXTURES)/azurite/.stamp: scripts/azurite
	@scripts/azurite $(FIXTURES)/azurite
	@touch $@

$(FIXTURES)/prometheus/.stamp: scripts/prometheus
	@scripts/prometheus $(FIXTURES)/prometheus
	@touch $@
