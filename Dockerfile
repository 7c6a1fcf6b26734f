# A container that plays a host: a Docker Engine and the Skep daemon in it. For trying a cluster out on one machine
# (docker-compose.test.yml); a real host runs the daemon beside its engine, see packaging/skep.service.
#
# Context: dist/image, as `node scripts/stage-image.mjs` makes it from a built checkout.
# BASE must have: sh, mount, node, dockerd with containerd, runc and iptables, and the docker command. `test/e2e/compose.test.ts`
# makes one from the programs of the machine it runs on.
ARG BASE=skep-base:latest
FROM ${BASE}
COPY . /opt/skep/
VOLUME /var/lib/docker /var/lib/skep
EXPOSE 2377/tcp
ENTRYPOINT ["/bin/sh", "/opt/skep/packaging/entry.sh"]
