# The front door: gets what is missing, then meson and ninja do the work.
BUILD ?= build
SUITE ?= bookworm

.PHONY: all run check bench fuzz torture install fresh kernels cross clean

# `make bench produce memory`: the words after it are lines, or questions, by name.
# KEEP=1 keeps a whole run in docs/bench/; JSON=FILE has what it found as objects.
ifeq ($(firstword $(MAKECMDGOALS)),bench)
names := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
.PHONY: $(names)
$(names): bench ; @:
endif

all:
	@scripts/setup
	@scripts/build $(BUILD)

run: all
	@scripts/run $(BUILD)

check: all
	@scripts/check $(BUILD)

bench: all
	@scripts/bench $(BUILD) $(names) $(if $(JSON),--json $(JSON)) $(if $(KEEP),--keep)

fuzz:
	@scripts/setup ci
	@scripts/fuzz

torture: all
	@scripts/torture $(BUILD) $(KILLS)

kernels:
	@scripts/kernels

cross:
	@scripts/cross

install: all
	@scripts/install $(BUILD)

fresh:
	@scripts/setup root
	@scripts/fresh $(SUITE)

clean:
	@rm -rf $(BUILD) build-*
