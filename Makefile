# The front doors. Meson does the work; what is missing on the machine, scripts/need installs.
PREFIX ?= /usr/local
BUILD := build/release
JOBS ?= $(shell nproc)

.PHONY: all run test lint bench install clean
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j $(JOBS) --quiet

$(BUILD)/build.ninja:
	@scripts/need build
	@mkdir -p build
	@meson setup $(BUILD) >build/setup.log 2>&1 || { cat build/setup.log; exit 1; }

run: all
	@examples/tutorial/run $(BUILD)

test:
	@scripts/need test
	@scripts/test

lint:
	@scripts/need lint
	@scripts/test lint

bench: all
	@bench/run $(BUILD)

install: all
	@meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX))
	@ninja -C $(BUILD) --quiet >build/setup.log 2>&1 || { cat build/setup.log; exit 1; }
	@meson install -C $(BUILD) --no-rebuild --quiet

clean:
	@rm -rf build
