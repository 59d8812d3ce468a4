# PostgreSQL from Debian's packages, for machines that reach no image registry. It understands as much of the official
# image's environment as docker-compose.yml uses: POSTGRES_DB, POSTGRES_PASSWORD_FILE, POSTGRES_INITDB_ARGS.
ARG BASE=debian:13-slim
FROM ${BASE}
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql-17 \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/17 \
    && install -d -m 700 -o postgres -g postgres /var/lib/postgresql/data \
    && install -d -o postgres -g postgres /run/postgresql
ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data
COPY postgres-start.sh /usr/local/bin/postgres-start
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres-start"]
CMD ["postgres"]
