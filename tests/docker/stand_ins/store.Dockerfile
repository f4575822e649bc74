# A server that speaks MongoDB's wire protocol in place of MongoDB's image, which not every machine that tests can pull.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
COPY mongo-server /usr/local/bin/
RUN mkdir -p /data/db
VOLUME /data/db
EXPOSE 27017
# Options for MongoDB itself mean nothing to it.
ENTRYPOINT ["sh", "-c", "exec mongo-server -listen 0.0.0.0:27017 -data /data/db"]
