# Branchline's control plane: one image, whose command says what it is (web, jobs, migrations). See compose.yaml.
# The images are named by exact version; a registry of your own can add their digests.
ARG PYTHON=python:3.11.14-slim-bookworm
ARG NODE=node:24.19.0-bookworm-slim

FROM ${NODE} AS compiler
WORKDIR /compiler
COPY package.json package-lock.json ./
# The lock file holds hashes. Of all that it names, the web process needs esbuild's own binary and nothing else.
RUN npm ci --ignore-scripts --no-audit --no-fund \
 && cp node_modules/@esbuild/*/bin/esbuild /usr/local/bin/esbuild \
 && esbuild --version

FROM ${PYTHON} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /opt/branchline
COPY requirements requirements
RUN python -m venv .venv \
 && .venv/bin/pip install --require-hashes -r requirements/base.txt -r requirements/build.txt
COPY pyproject.toml README.md ./
COPY app app
COPY migrations migrations
COPY actions_templates actions_templates
COPY functions_runtime functions_runtime
RUN .venv/bin/pip install --no-deps --no-build-isolation --no-index --editable . \
 && .venv/bin/pip uninstall --yes setuptools pip \
 && .venv/bin/python -m compileall -q app migrations

FROM ${PYTHON}
# git brings histories in (jobs); certificates of the public authorities come with it.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/branchline/bundles /scratch
COPY --from=compiler /usr/local/bin/esbuild /usr/local/bin/esbuild
COPY --from=packages /opt/branchline /opt/branchline
ENV PATH=/opt/branchline/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    TMPDIR=/scratch
USER 10001:10001
WORKDIR /scratch
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["branchline"]
CMD ["serve", "--no-jobs", "--host", "0.0.0.0"]
