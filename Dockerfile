# The broker as an image. Build it with: docker build --tag tiktok-broker .
# docs/container.md says how to run it and what it holds.

# To pin the base: --build-arg PYTHON_IMAGE=python:3.13-slim-trixie@sha256:…
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
# The environment that is copied out has no pip of its own: the one of this stage installs into it.
RUN python -m venv tools && python -m venv --without-pip /opt/broker
COPY requirements.lock requirements-build.lock ./
# Wheels only, so that no stage needs a compiler and nothing from a package runs while it is installed.
RUN python -m pip --python tools install --no-cache-dir --disable-pip-version-check \
      --require-hashes --only-binary :all: -r requirements-build.lock \
 && python -m pip --python /opt/broker install --no-cache-dir --disable-pip-version-check \
      --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY broker broker
RUN tools/bin/hatchling build --target wheel --directory dist \
 && python -m pip --python /opt/broker install --no-cache-dir --disable-pip-version-check \
      --no-index --no-deps dist/*.whl

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/broker /opt/broker
# A number rather than a name, so that Kubernetes can see that it is not root (runAsNonRoot).
RUN install --directory --owner 10001 --group 10001 --mode 0700 /data
ENV PATH=/opt/broker/bin:$PATH \
    HOME=/data \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
# The default database, sqlite:///broker.db, lies in the working directory.
WORKDIR /data
VOLUME /data
EXPOSE 8000
# http.client rather than urllib, which would ask a proxy named in the environment.
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --start-interval=1s --retries=3 CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=3); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
# No shell in between: the broker is process 1 and receives SIGTERM itself.
STOPSIGNAL SIGTERM
ENTRYPOINT ["broker"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
