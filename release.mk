# `make release` makes all that a release has, twice the same bytes from the same sources, with the same
# Python 3.13 for the byte code. DIST is the folder to make.
DIST = dist
FUNCTION_PYTHON = 3.13

.PHONY: release

release: .tools/sam/bin/sam | .venv  ## make what a release has, into dist/: template, function, command
	rm -rf $(DIST) build
	mkdir -p $(DIST)
	@PYENV_VERSION=$(FUNCTION_PYTHON) .venv/bin/uv python find --quiet --no-python-downloads $(FUNCTION_PYTHON) >/dev/null 2>&1 || \
		.venv/bin/uv python install --quiet $(FUNCTION_PYTHON) 2>/dev/null || true
	$(sam) build --build-dir .aws-sam/release
	.venv/bin/uv build --quiet --wheel --no-create-gitignore --build-constraints requirements/build.txt --require-hashes --out-dir $(DIST) .
	rm -rf build
	.venv/bin/python -m release .aws-sam/release $(DIST)
