#!/bin/sh
# First program of a container that plays a host: makes what an engine needs writable, starts a Docker Engine, brings the
# images that lie in /images into it, then runs the Skep daemon with the arguments of the container.
set -eu

# Without `privileged` these come read-only.
for path in /sys /proc/sys /sys/fs/cgroup /sys/fs/cgroup/*; do
  mount -o remount,bind,rw "$path" 2>/dev/null || true
done
# cgroup v2: the engine may only hand controllers down from a group without processes.
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p /sys/fs/cgroup/init
  for pid in $(cat /sys/fs/cgroup/cgroup.procs); do echo "$pid" >/sys/fs/cgroup/init/cgroup.procs 2>/dev/null || true; done
  sed -e 's/ / +/g' -e 's/^/+/' </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control || true
fi

# What a container that was killed left behind.
rm -f /var/run/docker.pid /var/run/docker/containerd/containerd.pid
dockerd --host unix:///var/run/docker.sock >/var/log/dockerd.log 2>&1 &
tries=0
until docker version >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 150 ]; then
    echo "the engine did not start within 30 s:" >&2
    tail -n 20 /var/log/dockerd.log >&2
    exit 1
  fi
  sleep 0.2
done

for tar in /images/*.tar; do
  [ -e "$tar" ] || continue
  name=$(basename "$tar" .tar)
  docker image inspect "$name" >/dev/null 2>&1 || docker import --change 'CMD ["sh"]' "$tar" "$name:latest" >/dev/null
done

# The flag of the first line of bin/skep.js.
exec node --max-semi-space-size=32 /opt/skep/bin/skep.js daemon "$@"
