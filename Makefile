# The front door: gets what is missing, then meson and ninja do the work.
BUILD ?= build
PREFIX ?= /usr/local

.PHONY: all run check bench fuzz torture install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@scripts/setup build
	@meson setup $(BUILD) --prefix=$(PREFIX) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@mv $(BUILD).log $(BUILD)/setup.log

run:
	@scripts/setup build
	@$(MAKE) -s all >/dev/null || $(MAKE) all
	@scripts/run $(BUILD)

check:
	@scripts/setup check
	@$(MAKE) -s all
	@scripts/check $(BUILD)

bench:
	@scripts/setup bench
	@$(MAKE) -s all
	@scripts/bench $(BUILD)

fuzz:
	@scripts/setup ci
	@scripts/fuzz

torture:
	@scripts/setup check
	@$(MAKE) -s all
	@scripts/torture $(BUILD) $(KILLS)

install: all
	@meson install -C $(BUILD)

clean:
	@rm -rf $(BUILD) build-*
