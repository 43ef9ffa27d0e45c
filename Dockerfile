# Two stages: one that builds, one that holds the program and nothing that could build another.
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# There is no git in here: say what is built, e.g. --build-arg REVISION=$(git rev-parse --short=12 HEAD)
ARG REVISION=unknown
ARG BUILT=unknown
RUN PORTCULLIS_REVISION=$REVISION PORTCULLIS_BUILT=$BUILT cargo build --release --locked --bin portcullis

FROM debian:bookworm-slim
RUN groupadd --system --gid 10001 portcullis \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/portcullis --create-home --shell /usr/sbin/nologin portcullis \
    && mkdir /etc/portcullis
COPY --from=build /src/target/release/portcullis /usr/local/bin/portcullis
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/portcullis/
# What is mounted for it must be readable by this user. By its number, which Kubernetes' runAsNonRoot can check.
USER 10001:10001
WORKDIR /var/lib/portcullis
VOLUME /var/lib/portcullis
EXPOSE 8080
ENV PORTCULLIS_CONFIG=/etc/portcullis/portcullis.yaml
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["portcullis", "healthcheck"]
# A stop drains for 5 s and waits up to 30 s more: run with --stop-timeout 40.
STOPSIGNAL SIGTERM
ENTRYPOINT ["portcullis"]
CMD ["run"]
