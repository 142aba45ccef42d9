# Tools that check and build the stack. Each has its own virtual environment, because aws-sam-cli and
# checkov pin conflicting versions of the same libraries. `uv pip sync` installs exactly the packages of
# a lock file, and checks their hashes.

sam := SAM_CLI_TELEMETRY=0 PATH="$(CURDIR)/.venv/bin:$$PATH" .tools/sam/bin/sam
# A prerequisite to the right of the | must exist; a newer one does not reinstall the tool.
.tools/sam/bin/sam: requirements/sam.txt | .venv
	.venv/bin/uv venv --quiet --clear --python .venv/bin/python .tools/sam
	.venv/bin/uv pip sync --quiet --require-hashes --python .tools/sam/bin/python requirements/sam.txt
	touch $@

.tools/checkov/bin/checkov: requirements/checkov.txt | .venv
	.venv/bin/uv venv --quiet --clear --python .venv/bin/python .tools/checkov
	.venv/bin/uv pip sync --quiet --require-hashes --python .tools/checkov/bin/python requirements/checkov.txt
	touch $@

# The libraries of a Lambda execution environment: boto3 and the runtime interface client.
.tools/lambda-runtime/.complete: requirements/lambda-runtime.txt | .venv
	rm -rf .tools/lambda-runtime
	.venv/bin/uv pip install --quiet --require-hashes --python .venv/bin/python --target .tools/lambda-runtime --requirements requirements/lambda-runtime.txt
	touch $@

# What `make deploy` and `make undeploy` act on. PARAMETERS has further ones: "HistoryDays=90 LogLevel=DEBUG".
STACK = balance-watch
REGION =
EMAIL =
PARAMETERS =
of_stack = --stack-name $(STACK) $(if $(REGION),--region $(REGION))
overrides = $(if $(EMAIL),AlertEmail=$(EMAIL)) $(PARAMETERS)

.PHONY: sam-validate lint-template build build-host lock deploy undeploy

sam-validate: .tools/sam/bin/sam  ## check template.yaml with AWS SAM
	$(sam) validate --lint --region eu-central-1

# SAM hides the resources that it adds from the linters, so they get the template in both forms.
lint-template: .tools/checkov/bin/checkov .venv/.dev  ## check template.yaml with cfn-lint and checkov
	mkdir -p .aws-sam
	.venv/bin/python -m tests.support.transformed template.yaml >.aws-sam/transformed.json
	.venv/bin/cfn-lint template.yaml .aws-sam/transformed.json
	.tools/checkov/bin/checkov --framework cloudformation --compact --quiet --skip-download --file template.yaml
	.tools/checkov/bin/checkov --framework cloudformation --compact --quiet --skip-download --file .aws-sam/transformed.json

build: .tools/sam/bin/sam | .venv  ## build the package that is deployed
	$(sam) build

deploy: build  ## deploy without a question: STACK=… REGION=… EMAIL=… PARAMETERS="Name=value …"
	$(sam) deploy $(of_stack) --resolve-s3 --capabilities CAPABILITY_IAM --no-confirm-changeset --no-fail-on-empty-changeset $(if $(strip $(overrides)),--parameter-overrides $(strip $(overrides)))

undeploy: .tools/sam/bin/sam | .venv  ## delete the stack (STACK=… REGION=…), and say what stays
	@mkdir -p .aws-sam
	@$(sam) list stack-outputs $(of_stack) --output json >.aws-sam/outputs.json
	$(sam) delete $(of_stack) --no-prompts
	@.venv/bin/python -m local.leftovers .aws-sam/outputs.json $(REGION)

# The deployed package has compiled modules for Python 3.13, which another Python does not load. This
# builds the same package for this host's Python, so that the end-to-end tests can run it here.
build-host: .tools/sam/bin/sam .tools/lambda-runtime/.complete | .venv  ## build the package for this host's Python
	PYTHON_VERSION=$$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])') $(sam) build --build-dir .aws-sam/host

lock := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
lock: | .venv  ## renew the lock files (add upgrade=--upgrade for the newest versions)
	$(lock) $(upgrade) functions/requirements.in --output-file functions/requirements.txt
	$(lock) $(upgrade) pyproject.toml requirements/dev.in --constraints functions/requirements.txt --output-file requirements/dev.txt
	$(lock) $(upgrade) pyproject.toml requirements/demo.in --constraints requirements/dev.txt --output-file requirements/demo.txt
	$(lock) $(upgrade) requirements/build.in --output-file requirements/build.txt
	$(lock) $(upgrade) requirements/cdk.in --output-file requirements/cdk.txt
	$(lock) $(upgrade) requirements/sam.in --output-file requirements/sam.txt
	$(lock) $(upgrade) requirements/checkov.in --output-file requirements/checkov.txt
	$(lock) $(upgrade) requirements/ministack.in --output-file requirements/ministack.txt
	$(lock) $(upgrade) requirements/lambda-runtime.in --output-file requirements/lambda-runtime.txt
