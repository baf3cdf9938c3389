# SPDX-License-Identifier: GPL-2.0-or-later
#
# The short way; Meson does the work. `make help` lists the targets.

BUILD ?= build
PREFIX ?= /usr/local
VTAX = $(BUILD)/vtax

.PHONY: all
all: $(BUILD)/build.ninja ## build build/vtax
	@ninja -C $(BUILD) --quiet program

# With the tests, the manual pages, the QEMU plugin.
.PHONY: everything
everything: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja: | packages-build
	@meson setup $(BUILD) --prefix=$(PREFIX) >/dev/null || { cat $(BUILD)/meson-logs/meson-log.txt; exit 1; }

.PHONY: packages-build packages-run packages-test packages-bench
packages-build packages-run packages-test packages-bench: packages-%:
	@tools/install-packages $*

.PHONY: demo
demo: packages-run all ## measure QEMU/TCG machines against this Linux, in a few minutes: report.html
	@$(VTAX) image build
	@$(VTAX) run quick --workloads bzip2,netperf,dd --report report.html
	@tools/open-page report.html

.PHONY: check
check: packages-run packages-test packages-build everything ## build and run every test but the lab's
	@$(VTAX) image build
	@tools/run-tests $(BUILD) unit lint cli integration vm

.PHONY: check-sanitizers
check-sanitizers: packages-run packages-test packages-build ## unit, cli and integration tests with asan and ubsan
	@test -f build-dev/build.ninja || meson setup --native-file build-dev.ini build-dev >/dev/null
	@ninja -C build-dev --quiet
	@build-dev/vtax image build
	@VTAX_TEST_SEEDS=24 tools/run-tests build-dev unit cli integration

.PHONY: check-lab
check-lab: packages-run packages-test packages-build everything ## real hypervisors in the emulated server (builds its images first: 15 min)
	@tools/run-tests $(BUILD) lab

.PHONY: check-lab-short
check-lab-short: packages-run packages-test packages-build everything ## KVM and Xen in the emulated server: each workload once, and runs that fail
	@$(VTAX) image build
	@$(VTAX) lab build kvm xen
	@tools/run-tests $(BUILD) lab-short

.PHONY: bench
bench: packages-run packages-test packages-bench packages-build everything ## ratios against peers, with spread
	@ninja -C $(BUILD) --quiet bench/light-shop bench/bench-record bench/bench-looking bench/stand-in
	@bench/run $(BUILD)

.PHONY: install
install: everything ## install below $(PREFIX)
	@meson install -C $(BUILD) --quiet

.PHONY: format
format: ## clang-format everything
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

.PHONY: clean
clean: ## remove the build directories
	rm -rf build build-dev report.html

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 20
