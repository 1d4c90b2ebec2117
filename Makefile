# Needs make, bash and Python 3.11 or later; everything else is fetched into .venv.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help test rehearsals drill bench chaos mutants simulate tutorial example runtime lint docs requirements dist clean
bin := .venv/bin
# Each process has a database server of its own; a given one is changed by one test at a time.
processes := $(if $(DURABLE_INGEST_TEST_MYSQL_URL),0,4)
# make test COVERAGE=no measures nothing; ONLY=database leaves out what uses no server.
measured := $(if $(filter no,$(COVERAGE)),,yes)
compile := $(bin)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet
# What pyproject.toml names, in the lowest versions that it claims.
lowest := $(bin)/uv pip compile --universal --python-version 3.11 --resolution lowest-direct \
	--all-extras --no-deps --no-annotate --no-header --quiet
# One commit makes one wheel, wherever and whenever it is built.
dated = SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}

help: ## List the targets
	@sed -nE 's/^([a-z]+): ## (.*)/  make \1\t\2/p' Makefile | expand -t 24

test: ## Run the tests on a real database, with branch coverage; ARGS="-k enqueuer" goes to pytest
	@scripts/venv
	@scripts/database
	@rm -f .coverage .coverage.*
	$(bin)/$(if $(measured),coverage run,python) -m pytest -m "$(if $(ONLY),$(ONLY) and )not chaos and not runtime" \
		--numprocesses $(processes) --dist worksteal $(ARGS)
	@$(if $(measured),$(bin)/coverage combine --quiet)
	@$(if $(measured),$(bin)/coverage report)

rehearsals: ## Run what stops, kills or freezes the server, the drill and the chaos run in short
	@scripts/venv
	@scripts/database
	$(bin)/python -m pytest -m chaos --numprocesses $(processes) --dist worksteal $(ARGS)

drill: ## Rehearse a database upgrade under load; ARGS="--rate 50 --outage 20" or ARGS=--compare goes to the drill
	@scripts/venv
	@scripts/database
	$(bin)/python -m drill $(ARGS)

bench: ## Time the library beside what one would otherwise write; ARGS="--only batches --rounds 300"
	@scripts/venv
	@scripts/database
	$(bin)/python -m benchmarks $(ARGS)

chaos: ## Strike processes, network, queue and database at random; ARGS="--seconds 600 --seed 7" goes to the run
	@scripts/venv
	@$(if $(findstring --server,$(ARGS)),,scripts/database)
	$(bin)/python -m chaos $(ARGS)

mutants: ## Plant faults in copies of the source, each to be caught by a test; ARGS="-k inbox" chooses
	@scripts/venv
	@scripts/database
	$(bin)/python -m mutants $(ARGS)

simulate: ## Run thousands of schedules in virtual time; ARGS="--schedules 50000 --seed 7"
	@scripts/venv
	$(bin)/python -m tests.simulation $(ARGS)

tutorial: dist ## Do what the tutorial says, in an empty environment with only the wheel
	@scripts/database
	@rm -rf dist/wheelhouse
	$(bin)/python -m pip download --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements/testing.txt --dest dist/wheelhouse
	PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_FIND_LINKS="$(CURDIR)/dist $(CURDIR)/dist/wheelhouse" \
		scripts/try-tutorial $(CURDIR)/$(bin)/python

example: dist ## Test examples/customer_api as a project of its own, with only the wheel
	@scripts/database
	scripts/try-example "$$(scripts/python)"

runtime: dist ## Run the example's handlers, from the wheel, on AWS' runtime under its emulator
	@scripts/database
	scripts/try-runtime "$$(scripts/python)" $(ARGS)

lint: ## Check style, formatting, types and import rules
	@scripts/venv
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports

docs: ## Build the documentation into site/, strictly, and check what was built
	@scripts/venv
	@scripts/docs

requirements: ## Compile requirements/ anew after a change in pyproject.toml; ARGS="--upgrade" for newer versions
	@scripts/venv
	$(compile) $(ARGS) --group dev --output-file requirements/dev.txt pyproject.toml
	$(compile) $(ARGS) --extra testing --output-file requirements/testing.txt pyproject.toml
	$(compile) $(ARGS) --all-extras --group wheel --output-file requirements/newest.txt pyproject.toml
	set -o pipefail; $(lowest) pyproject.toml | \
		$(compile) $(ARGS) --group wheel --output-file requirements/oldest.txt -
	$(compile) $(ARGS) --group docs --output-file requirements/docs.txt
	$(compile) $(ARGS) --group example --extra testing --output-file requirements/example.txt pyproject.toml
	echo aws-sam-cli | $(compile) $(ARGS) --no-deps --no-annotate --output-file requirements/runtime.txt -
	echo uv | $(compile) $(ARGS) --no-annotate --output-file requirements/bootstrap.txt -

dist: ## Build the wheel and the source distribution into dist/, dated as the last commit
	@scripts/venv
	rm -rf dist
	$(dated) $(bin)/hatchling build --directory dist
	@$(dated) $(bin)/python scripts/check-dist dist

clean: ## Remove .venv and everything else that was made
	rm -rf .venv .venv-docs dist site .coverage .coverage.* htmlcov .hypothesis .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
