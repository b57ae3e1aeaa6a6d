# The front door: gets what is missing, then meson and ninja do the work.
BUILD ?= build

# `make bench produce memory`: those lines.
ifeq ($(firstword $(MAKECMDGOALS)),bench)
LINES := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
$(LINES): bench ; @:
endif

.PHONY: all run check bench fuzz torture install fresh clean $(LINES)

all:
	@scripts/setup
	@scripts/build $(BUILD)

run: all
	@scripts/run $(BUILD)

check: all
	@scripts/check $(BUILD)

bench: all
	@scripts/bench $(BUILD) $(LINES)

fuzz:
	@scripts/setup ci
	@scripts/fuzz

torture: all
	@scripts/torture $(BUILD) $(KILLS)

install: all
	@scripts/install $(BUILD)

clean:
	@rm -rf $(BUILD) build-*
